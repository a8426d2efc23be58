from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.readers.conversation_ids import conversation_of
from autotune.workload.readers.logged import Conversation

UUID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"session_id": UUID}},
        {"litellm_session_id": UUID, "user": "ann"},
        {"conversation": {"id": UUID}},
        {"conversation": UUID},
        {"metadata": {"user_id": f"user_ab12_account__session_{UUID}"}},
        {"metadata": {"user_id": f'{{"device_id": "d", "session_id": "{UUID}"}}'}},
    ],
)
def test_certain_ids(body: dict[str, Any]) -> None:
    assert conversation_of(body) == Conversation(UUID, certain=True)


def test_loose_ids() -> None:
    assert conversation_of({"prompt_cache_key": "k", "user": "u"}) == Conversation("k")
    assert conversation_of({"user": "u"}) == Conversation("u")
    assert conversation_of({"metadata": {"user_id": "ann"}}) is None


@pytest.mark.parametrize("name", ["session_id", "X-Session-Id", "x-litellm-session-id"])
def test_headers(name: str) -> None:
    headers = {"Authorization": "Bearer x", name: UUID}
    assert conversation_of({}, headers) == Conversation(UUID, certain=True)


def test_a_header_that_may_be_a_secret_becomes_a_hash() -> None:
    found = conversation_of({}, {"x-session-id": "sk-very-secret"})
    assert found is not None
    assert (len(found.name), found.certain) == (12, True)
    assert "secret" not in found.name


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "x-request-id", "session"])
def test_other_headers_say_nothing(name: str) -> None:
    assert conversation_of({}, {name: "value"}) is None


@pytest.mark.parametrize("odd", [None, 5, [], {}, "", True])
def test_odd_values_say_nothing(odd: Any) -> None:
    body = {"metadata": odd, "conversation": odd, "session_id": odd, "user": odd}
    assert conversation_of(body) is None
    assert conversation_of({"metadata": {"user_id": odd}}) is None
