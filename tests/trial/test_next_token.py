"""Three ways of asking for a distribution, by what each engine answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from autotune.launchers.http import Answer
from autotune.trial import next_token
from autotune.trial.next_token import (
    ChatAsker,
    CompletionsAsker,
    LlamaAsker,
    Tokens,
    find_way,
    make_asker,
)

HELLO = ({"role": "user", "content": "hi"},)
TOOLS = ({"type": "function", "function": {"name": "ls"}},)

LLAMA: dict[str, Any] = {
    "/apply-template": {"prompt": "<u>hi<a>"},
    "/tokenize": {"tokens": [{"id": 1, "piece": "<u>"}, {"id": 7, "piece": [195]}]},
    "/completion": {
        "content": " yes",
        "completion_probabilities": [
            {"top_logprobs": [{"id": 5, "token": "y", "logprob": -0.5},
                              {"id": 6, "token": "n", "logprob": None}]}
        ],
    },
}  # fmt: skip
VLLM: dict[str, Any] = {
    "/tokenize": {"tokens": [3, 4], "token_strs": ["Ġa", "<|x|>"]},
    "/v1/completions": {
        "choices": [{"text": " yes", "logprobs": {"top_logprobs": [{"token_id:5": -0.5}]}}]
    },
}
CHAT: dict[str, Any] = {
    "/v1/chat/completions": {
        "choices": [
            {"logprobs": {"content": [{"top_logprobs": [{"token": "y", "logprob": -0.5}]}]}}
        ]
    }
}


class Engine:
    """Answers what it is given, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []
        monkeypatch.setattr(next_token, "ask_ok", self.ask_ok)

    def ask_ok(self, base_url: str, path: str, payload: Any, *, timeout_s: float) -> Answer | None:
        self.asked.append((path, payload))
        return Answer(200, self.answers[path]) if path in self.answers else None

    def last(self, path: str) -> Any:
        return [payload for where, payload in self.asked if where == path][-1]


@pytest.fixture
def llama(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(LLAMA, monkeypatch)


def test_llama_cpp_is_asked_for_the_softmax_before_sampling(llama: Engine) -> None:
    asker = LlamaAsker("http://x")
    assert asker.tokens(HELLO, TOOLS) == Tokens((1, 7), (b"<u>", b"\xc3"))
    assert llama.last("/apply-template")["tools"] == list(TOOLS)
    assert llama.last("/tokenize")["with_pieces"] is True
    assert asker.after((1, 7)) == {"5": -0.5}
    body = llama.last("/completion")
    assert (body["prompt"], body["n_predict"]) == ([1, 7], 1)
    assert (body["n_probs"], body["post_sampling_probs"]) == (64, False)
    assert asker.first(HELLO, ()) == {"5": -0.5}
    assert "tools" not in llama.last("/apply-template")
    assert asker.written((1,), 9) == " yes"
    assert llama.last("/completion")["n_predict"] == 9


def test_vllm_is_asked_with_tokens_and_told_to_name_tokens_by_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(VLLM, monkeypatch)
    asker = CompletionsAsker("http://x", "local")
    assert asker.tokens(HELLO, TOOLS) == Tokens((3, 4), (b" a", b"<|x|>"))
    assert asker.after((3,)) == {"token_id:5": -0.5}
    body = engine.last("/v1/completions")
    assert (body["prompt"], body["max_tokens"], body["logprobs"]) == ([3], 1, 20)
    assert body["return_tokens_as_token_ids"] is True
    assert asker.written((3,), 5) == " yes"


def test_a_chat_endpoint_gives_the_first_token_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(CHAT, monkeypatch)
    asker = ChatAsker("http://x", "m")
    assert asker.first(HELLO, TOOLS) == {"y": -0.5}
    body = engine.last("/v1/chat/completions")
    assert (body["max_tokens"], body["logprobs"], body["tool_choice"]) == (1, True, "none")
    assert asker.tokens(HELLO, ()) is None
    assert asker.after((1,)) is None
    assert asker.written((1,), 1) is None


@pytest.mark.parametrize(
    ("answers", "way", "kind"),
    [(LLAMA, "llama.cpp", LlamaAsker), (VLLM, "vllm", CompletionsAsker), (CHAT, "chat", ChatAsker)],
)
def test_the_best_way_that_answers_is_found(
    answers: Mapping[str, Any], way: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    Engine(answers, monkeypatch)
    assert find_way("http://x", "m") == way
    assert isinstance(make_asker(way, "http://x", "m"), kind)


def test_an_engine_that_gives_no_probabilities_has_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    Engine({"/v1/chat/completions": {"choices": [{"logprobs": None}]}}, monkeypatch)
    assert find_way("http://x", "m") is None


@pytest.mark.parametrize(
    "broken",
    [
        {"/apply-template": {"prompt": 3}},
        {"/tokenize": {"tokens": [1, 2]}},
        {"/tokenize": {"tokens": [{"piece": "a"}]}},
        {"/completion": {"completion_probabilities": []}},
    ],
)
def test_what_is_not_an_answer_is_none(
    broken: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Engine({**LLAMA, **broken}, monkeypatch)
    assert not LlamaAsker("http://x").first(HELLO, ())
