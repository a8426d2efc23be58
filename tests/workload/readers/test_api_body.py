from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.model import PromptFidelity, Recorded
from autotune.workload.readers.api_body import (
    Api,
    Reply,
    api_of_body,
    api_of_url,
    parse_body,
    parse_reply,
)
from autotune.workload.readers.response_chain import ResponseChain

USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("http://x/v1/chat/completions", Api.CHAT),
        ("http://x/openai/deployments/d/chat/completions?api-version=1", Api.CHAT),
        ("https://x/v1/completions/", Api.COMPLETIONS),
        ("https://x/v1/messages?beta=true", Api.MESSAGES),
        ("https://x/backend-api/codex/responses", Api.RESPONSES),
        ("https://x/v1/messages/count_tokens", None),
        ("https://x/v1/embeddings", None),
        ("", None),
    ],
)
def test_the_address_tells_the_api(url: str, api: Api | None) -> None:
    assert api_of_url(url) is api


def test_the_keys_tell_it_without_an_address() -> None:
    assert api_of_body({"messages": [USER]}) is Api.CHAT
    assert api_of_body({"messages": [USER], "system": "s"}) is Api.MESSAGES
    assert api_of_body({"input": "x"}) is Api.RESPONSES
    assert api_of_body({"prompt": "x"}) is Api.COMPLETIONS
    assert api_of_body({"data": []}) is None


def test_bodies_of_every_api_are_chat() -> None:
    chat = parse_body({"model": "m", "messages": [USER], "max_tokens": 5})
    assert (chat.messages, chat.params, chat.model) == ([USER], {"max_tokens": 5}, "m")
    claude = parse_body({"system": "s", "messages": [USER], "max_tokens": 5}, Api.MESSAGES)
    assert [m["role"] for m in claude.messages] == ["system", "user"]
    reasoning = {"effort": "low"}
    answer = parse_body({"input": "Hi", "max_output_tokens": 5, "reasoning": reasoning})
    assert (answer.messages, answer.params) == (
        [USER],
        {"max_tokens": 5, "reasoning_effort": "low"},
    )
    flat = parse_body({"prompt": "Hi"})
    assert (flat.messages, flat.fidelity) == ([USER], PromptFidelity.REBUILT)


@pytest.mark.parametrize("body", [None, [], {}, {"input": "x", "previous_response_id": "r"}])
def test_what_is_no_whole_request_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match=": "):
        parse_body(body)


def test_replies_of_every_api() -> None:
    said = {"role": "assistant", "content": "x"}
    output = [{"type": "message", "role": "assistant", "content": [{"text": "x"}]}]
    replies = [
        {"id": "1", "choices": [{"message": said}], "usage": {"prompt_tokens": 3}},
        {"id": "1", "output": output, "usage": {"input_tokens": 3}},
        {"id": "1", "content": [{"type": "text", "text": "x"}], "usage": {"input_tokens": 3}},
    ]
    for reply in replies:
        found = parse_reply({"status_code": 200, "body": {**reply, "model": "m"}})
        assert (found.message, found.recorded.prompt_tokens) == (said, 3)
        assert (found.recorded.model, found.response_id, found.failed) == ("m", "1", False)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, {"choices": 5}, {"content": [5]}])
def test_what_is_no_reply_says_nothing(odd: Any) -> None:
    found = parse_reply(odd)
    assert (found.message, found.recorded) == (None, Recorded())


def test_an_error_is_a_failed_call() -> None:
    assert parse_reply({"error": {"message": "busy"}}).failed


def test_a_chain_of_responses_is_made_whole() -> None:
    chain = ResponseChain()
    first = {"input": "One?", "instructions": "Old."}
    chain.answered(
        first, chain.body(first), Reply({"role": "assistant", "content": "1"}, response_id="a")
    )
    second = {"input": "Two?", "instructions": "New.", "previous_response_id": "a"}
    whole = chain.body(second)
    chain.answered(second, whole, Reply({"role": "assistant", "content": "2"}, response_id="b"))
    third = chain.body({"input": "Three?", "previous_response_id": "b"})
    assert [m["content"] for m in whole.messages] == ["New.", "One?", "1", "Two?"]
    assert [m["content"] for m in third.messages] == ["One?", "1", "Two?", "2", "Three?"]
    with pytest.raises(ValueError, match="the log does not hold"):
        chain.body({"input": "x", "previous_response_id": "z"})
