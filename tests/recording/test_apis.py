from __future__ import annotations

import json

import pytest

from autotune.recording.apis import Api, error_body, recorded_api, speaks_anthropic


@pytest.mark.parametrize(
    ("method", "path", "api"),
    [
        ("POST", b"/v1/chat/completions", Api.CHAT),
        ("POST", b"/openai/deployments/gpt/chat/completions", Api.CHAT),
        ("POST", b"/v1/completions/", Api.COMPLETIONS),
        ("POST", b"/responses", Api.RESPONSES),
        ("POST", b"/v1/messages", Api.MESSAGES),
        ("POST", b"/v1/messages/count_tokens", None),
        ("POST", b"/v1/messages/batches", None),
        ("GET", b"/v1/responses", None),
        ("GET", b"/v1/models", None),
        ("POST", b"/v1/embeddings", None),
    ],
)
def test_only_requests_for_a_reply_are_recorded(method: str, path: bytes, api: Api | None) -> None:
    assert recorded_api(method, path) is api


def test_errors_have_the_shape_of_the_api() -> None:
    theirs = json.loads(error_body(anthropic=True, code="bad_gateway", message="gone"))
    assert theirs == {"type": "error", "error": {"type": "api_error", "message": "gone"}}
    openai = json.loads(error_body(anthropic=False, code="bad_gateway", message="gone"))["error"]
    assert (openai["code"], openai["message"]) == ("bad_gateway", "gone")
    assert speaks_anthropic(b"/v1/messages/count_tokens", [])
    assert speaks_anthropic(b"/v1/models", [(b"anthropic-version", b"2023-06-01")])
    assert not speaks_anthropic(b"/v1/models", [(b"authorization", b"x")])
