"""Asking an engine for the distribution of the next token, as it is before any sampling.

Three ways, tried in this order on a running engine:

* llama.cpp's own endpoints: ``/apply-template`` and ``/tokenize`` make the prompt's tokens,
  ``/completion`` with ``n_probs`` and ``post_sampling_probs: false`` answers with the softmax over
  the whole vocabulary;
* vLLM's: ``/tokenize`` with messages, and ``/v1/completions`` with tokens as the prompt, whose
  ``logprobs`` are of the raw logits by default;
* any chat endpoint with ``logprobs`` and ``top_logprobs``: only the first token of a reply.

A prompt given as tokens can be cut anywhere, in the middle of a recorded tool call too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autotune.launchers.http import ask_ok, dig
from autotune.scoring.divergence import TopK
from autotune.trial.byte_tokens import piece_bytes
from autotune.workload.model import Message

TIMEOUT_S = 600.0
LLAMA_K = 64
OPENAI_K = 20
"""The most that vLLM gives unless it is told otherwise (``--max-logprobs``)."""

LLAMA_CPP, VLLM, CHAT = "llama.cpp", "vllm", "chat"
WAYS = (LLAMA_CPP, VLLM, CHAT)
"""The best first."""

Tools = Sequence[Mapping[str, Any]]

_HELLO: tuple[Message, ...] = ({"role": "user", "content": "Say yes."},)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt as the engine reads it: token ids and the bytes that each stands for."""

    ids: tuple[int, ...]
    pieces: tuple[bytes, ...]


class Asker(Protocol):
    """One way of asking. Every method answers ``None`` where the engine does not."""

    def tokens(self, messages: Sequence[Message], tools: Tools) -> Tokens | None:
        """The prompt's tokens after the chat template; ``None`` where it cannot be cut."""
        ...

    def after(self, ids: Sequence[int]) -> TopK | None:
        """The next token after `ids`."""
        ...

    def first(self, messages: Sequence[Message], tools: Tools) -> TopK | None:
        """The first token of a reply to `messages`."""
        ...

    def written(self, ids: Sequence[int], tokens: int) -> str | None:
        """What the engine writes after `ids` at temperature 0, at most `tokens` tokens."""
        ...


@dataclass(frozen=True, slots=True)
class LlamaAsker:
    """llama.cpp's server, and whatever speaks its endpoints."""

    base_url: str

    def tokens(self, messages: Sequence[Message], tools: Tools) -> Tokens | None:
        """The template's text, cut into tokens with their pieces."""
        body: dict[str, Any] = {"messages": list(messages)} | (
            {"tools": list(tools)} if tools else {}
        )
        prompt = self._ask("/apply-template", body, "prompt")
        if not isinstance(prompt, str):
            return None
        asked = {"content": prompt, "add_special": True, "parse_special": True, "with_pieces": True}
        return _tokens(self._ask("/tokenize", asked, "tokens"))

    def after(self, ids: Sequence[int]) -> TopK | None:
        """The likeliest `LLAMA_K` tokens, by their ids."""
        wish = {"n_probs": LLAMA_K, "post_sampling_probs": False}
        rows = self._ask(
            "/completion", self._body(ids, 1) | wish, "completion_probabilities.0.top_logprobs"
        )
        return _listed(rows, "id")

    def first(self, messages: Sequence[Message], tools: Tools) -> TopK | None:
        """After the whole prompt."""
        found = self.tokens(messages, tools)
        return None if found is None else self.after(found.ids)

    def written(self, ids: Sequence[int], tokens: int) -> str | None:
        """Greedily, and without a grammar: a grammar would mend what is to be seen."""
        text = self._ask("/completion", self._body(ids, tokens), "content")
        return text if isinstance(text, str) else None

    def _body(self, ids: Sequence[int], tokens: int) -> dict[str, Any]:
        return {"prompt": list(ids), "n_predict": tokens, "temperature": 0, "seed": 1}

    def _ask(self, path: str, body: Mapping[str, Any], found: str) -> Any:
        answer = ask_ok(self.base_url, path, body, timeout_s=TIMEOUT_S)
        return None if answer is None else dig(answer.body, found)


@dataclass(frozen=True, slots=True)
class CompletionsAsker:
    """vLLM: prompts as tokens on ``/v1/completions``, by the model's name."""

    base_url: str
    model: str

    def tokens(self, messages: Sequence[Message], tools: Tools) -> Tokens | None:
        """By ``/tokenize``, which applies the chat template."""
        body: dict[str, Any] = {
            "model": self.model, "messages": list(messages), "return_token_strs": True,
        }  # fmt: skip
        body |= {"tools": list(tools)} if tools else {}
        answer = ask_ok(self.base_url, "/tokenize", body, timeout_s=TIMEOUT_S)
        ids, names = (dig(answer.body if answer else None, n) for n in ("tokens", "token_strs"))
        if not isinstance(ids, list) or not isinstance(names, list) or len(ids) != len(names):
            return None
        return Tokens(tuple(ids), tuple(piece_bytes(str(name)) for name in names))

    def after(self, ids: Sequence[int]) -> TopK | None:
        """The likeliest `OPENAI_K` tokens, by their ids."""
        wish = {"logprobs": OPENAI_K, "return_tokens_as_token_ids": True}
        rows = self._ask(self._body(ids, 1) | wish, "choices.0.logprobs.top_logprobs.0")
        return _numbers(rows) if isinstance(rows, dict) else None

    def first(self, messages: Sequence[Message], tools: Tools) -> TopK | None:
        """After the whole prompt."""
        found = self.tokens(messages, tools)
        return None if found is None else self.after(found.ids)

    def written(self, ids: Sequence[int], tokens: int) -> str | None:
        """Greedily, and without a grammar."""
        text = self._ask(self._body(ids, tokens), "choices.0.text")
        return text if isinstance(text, str) else None

    def _body(self, ids: Sequence[int], tokens: int) -> dict[str, Any]:
        fixed = {"model": self.model, "temperature": 0, "seed": 1, "add_special_tokens": False}
        return {**fixed, "prompt": list(ids), "max_tokens": tokens}

    def _ask(self, body: Mapping[str, Any], found: str) -> Any:
        answer = ask_ok(self.base_url, "/v1/completions", body, timeout_s=TIMEOUT_S)
        return None if answer is None else dig(answer.body, found)


@dataclass(frozen=True, slots=True)
class ChatAsker:
    """Any chat endpoint that gives log-probabilities: the first token of each reply, no more."""

    base_url: str
    model: str

    def tokens(self, messages: Sequence[Message], tools: Tools) -> None:
        """Its prompts cannot be cut."""

    def after(self, ids: Sequence[int]) -> None:
        """Its prompts are messages."""

    def written(self, ids: Sequence[int], tokens: int) -> None:
        """Its prompts are messages."""

    def first(self, messages: Sequence[Message], tools: Tools) -> TopK | None:
        """The likeliest `OPENAI_K` tokens, by their text."""
        body: dict[str, Any] = {
            "model": self.model, "messages": list(messages), "max_tokens": 1, "temperature": 0,
            "seed": 1, "logprobs": True, "top_logprobs": OPENAI_K,
        }  # fmt: skip
        body |= {"tools": list(tools), "tool_choice": "none"} if tools else {}
        answer = ask_ok(self.base_url, "/v1/chat/completions", body, timeout_s=TIMEOUT_S)
        rows = dig(answer.body if answer else None, "choices.0.logprobs.content.0.top_logprobs")
        return _listed(rows, "token")


def make_asker(way: str, base_url: str, model: str) -> Asker:
    """The engine at `base_url` asked in `way`, one of `WAYS`.

    `model` is what the ``model`` field of a request must say.
    """
    if way == LLAMA_CPP:
        return LlamaAsker(base_url)
    return CompletionsAsker(base_url, model) if way == VLLM else ChatAsker(base_url, model)


def find_way(base_url: str, model: str) -> str | None:
    """The best way that the engine at `base_url` answers; ``None`` where it gives no probabilities.

    To be asked of an engine that is sound: a broken model gives none either.
    """
    return next((w for w in WAYS if greeted(make_asker(w, base_url, model))), None)


def greeted(asker: Asker) -> TopK | None:
    """What an engine says to the first question, which only shows whether it answers.

    Every engine that is compared is asked it: what is in the cache decides how the next prompt is
    cut into batches, and with it the rounding of every number.
    """
    return asker.first(_HELLO, ())


def _tokens(rows: Any) -> Tokens | None:
    """llama.cpp's rows; a piece that is no UTF-8 comes as its bytes."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    ids = tuple(int(row["id"]) for row in rows if isinstance(row.get("id"), int))
    pieces = tuple(_piece(row.get("piece")) for row in rows)
    return Tokens(ids, pieces) if ids and len(ids) == len(rows) else None


def _piece(value: Any) -> bytes:
    return bytes(value) if isinstance(value, list) else str(value or "").encode()


def _listed(rows: Any, key: str) -> TopK | None:
    """Rows with a token under `key` and its ``logprob``."""
    if not isinstance(rows, list):
        return None
    named = {str(row.get(key)): row.get("logprob") for row in rows if isinstance(row, dict)}
    return _numbers(named)


def _numbers(named: Mapping[str, Any]) -> TopK | None:
    """What is a number; an impossible token is reported as a very low one or not at all."""
    found = {k: float(v) for k, v in named.items() if isinstance(v, int | float)}
    return found or None
