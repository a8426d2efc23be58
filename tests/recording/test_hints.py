from __future__ import annotations

from typing import Any

import pytest

from autotune.recording.hints import NO_HINTS, Hints, hints_of_headers, with_body

UUID = "54c1eb09-bc4c-4d2f-98eb-6d2ab2d5e2fe"


@pytest.mark.parametrize(
    ("headers", "hints"),
    [
        ({b"X-Claude-Code-Session-Id": b"s1"}, Hints("s1")),
        (
            {b"x-claude-code-session-id": b"s1", b"x-claude-code-agent-id": b"a1"},
            Hints("s1", "a1"),
        ),
        (
            {b"session_id": b"s", b"thread-id": b"t", b"x-codex-parent-thread-id": b"p"},
            Hints("t", None, "p"),
        ),
        ({b"x-opencode-session": b"ses_1"}, Hints("ses_1")),
        ({b"session_id": b"   "}, NO_HINTS),
        ({b"session_id": b"not a name!"}, NO_HINTS),
        ({b"cookie": b"session_id=5"}, NO_HINTS),
    ],
)
def test_headers_that_name_the_conversation(headers: dict[bytes, bytes], hints: Hints) -> None:
    assert hints_of_headers(list(headers.items())) == hints


@pytest.mark.parametrize(
    ("body", "session"),
    [
        ({"metadata": {"user_id": f"user_ab12_account__session_{UUID}"}}, UUID),
        ({"metadata": {"user_id": '{"device_id":"d","session_id":"' + UUID + '"}'}}, UUID),
        ({"metadata": {"session_id": "mine"}}, "mine"),
        ({"session_id": "mine"}, "mine"),
        ({"prompt_cache_key": UUID}, UUID),
        ({"prompt_cache_key": "my-app"}, None),
        ({"metadata": {"user_id": "alice@example.com"}}, None),
        ({"metadata": {"user_id": "[1]"}}, None),
        ({"metadata": {"user_id": 5}, "session_id": {"a": 1}}, None),
        ({"metadata": [1]}, None),
    ],
)
def test_a_body_names_it_where_headers_do_not(body: dict[str, Any], session: str | None) -> None:
    assert with_body(NO_HINTS, body).session == session
    assert with_body(Hints("header"), body) == Hints("header")
