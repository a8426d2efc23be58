"""The bytes of a request."""

from __future__ import annotations

import json
from types import MappingProxyType

from autotune.replay.body import encode_body
from autotune.replay.endpoint import Endpoint, Rendering

TOOL = {"type": "function", "function": {"name": "read"}}
MESSAGES = ({"role": "user", "content": "ä"},)


def endpoint(rendering: Rendering = Rendering.NATIVE, **fields: object) -> Endpoint:
    return Endpoint("http://x", "m", lambda n: {"max_tokens": n, **fields}, rendering)


def test_the_endpoints_fields_are_laid_over_the_body() -> None:
    body = json.loads(encode_body(endpoint(stream_options={"x": 1}), MESSAGES, (), 7))
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "ä"}],
        "stream": True,
        "stream_options": {"x": 1},
        "max_tokens": 7,
    }


def test_tools_are_shown_but_never_parsed() -> None:
    assert json.loads(encode_body(endpoint(), MESSAGES, (TOOL,), 7))["tool_choice"] == "none"
    chosen = endpoint(tool_choice="auto")
    assert json.loads(encode_body(chosen, MESSAGES, (TOOL,), 7))["tool_choice"] == "auto"
    assert "tool_choice" not in json.loads(encode_body(chosen, MESSAGES, (), 7))
    plain = json.loads(encode_body(endpoint(Rendering.PLAIN), MESSAGES, (TOOL,), 7))
    assert "tools" not in plain
    assert "tool_choice" not in plain


def test_key_order_and_read_only_mappings_survive() -> None:
    message = MappingProxyType({"content": "x", "role": "user"})
    assert b'{"content":"x","role":"user"}' in encode_body(endpoint(), (message,), (), 1)


def test_a_lone_surrogate_does_not_stop_a_replay() -> None:
    body = encode_body(endpoint(), ({"role": "user", "content": "a\ud800b"},), (), 1)
    assert json.loads(body)["messages"][0]["content"] == "a?b"
