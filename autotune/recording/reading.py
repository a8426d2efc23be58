"""Exchanges read into turns: decoded, put into chat shape, threaded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from autotune.recording.answer import Answer, error_text, read_answer
from autotune.recording.decode import decoded
from autotune.recording.exchange import CLIENT_GONE, RECORDER_STOPPED, Exchange
from autotune.recording.fingerprint import fingerprint
from autotune.recording.gentle import Pause, load_object, pause
from autotune.recording.headers import strike_out
from autotune.recording.hints import with_body
from autotune.recording.lines import RecordedTurn
from autotune.recording.prompt import Prompt, read_prompt
from autotune.recording.sse import joined
from autotune.recording.threads import Placement, Request, Threads
from autotune.workload.model import Fidelity, Message, PromptFidelity
from autotune.workload.readers.checks import text

MAX_REPLIES = 64
"""Replies remembered for requests that name one in place of the conversation so far."""

_OK, _REDIRECT = 200, 300


class RefusedError(Exception):
    """The upstream answered with an error, or not at all: no model read this prompt."""


@dataclass(slots=True)
class Reading:
    """Reads one exchange after another; knows the conversations that they belong to."""

    threads: Threads
    rest: Pause = pause
    _replies: OrderedDict[str, tuple[Message, ...]] = field(default_factory=OrderedDict)

    def turn(self, exchange: Exchange) -> RecordedTurn:
        """The turn that `exchange` was.

        Raises:
            RefusedError: no model was asked.
            ValueError: the request cannot be read.
        """
        _check_status(exchange)
        plain = decoded([(0.0, exchange.request)], exchange.request_encoding)
        body = load_object(joined(plain).decode("utf-8"), self.rest)
        prompt = self._continued(read_prompt(exchange.api, body))
        answer = _without_secrets(read_answer(exchange, self.rest), exchange)
        if body.get("store") is not False:
            self._remember(prompt, answer)
        request = Request(
            fingerprint=fingerprint(prompt.messages, prompt.tools, self.rest),
            model=text(body.get("model")),
            hints=with_body(exchange.hints, body),
            started_s=exchange.started_s,
            ended_s=exchange.ended_s,
            reply=answer.message,
            raw=prompt.raw,
        )
        placed = self.threads.place(request)
        return _turn(exchange, prompt, answer, request, placed)

    def _continued(self, prompt: Prompt) -> Prompt:
        """A prompt that its server puts behind an earlier reply, put together here.

        The instructions of the earlier request do not carry over (OpenAI's reference).
        """
        if prompt.previous is None:
            return prompt
        before = self._replies.get(prompt.previous)
        if before is None:
            missing = (*prompt.fidelity.missing, "history")
            return replace(prompt, fidelity=Fidelity(PromptFidelity.REBUILT, missing))
        lead = _lead(prompt)
        messages = (*prompt.messages[:lead], *before, *prompt.messages[lead:])
        fidelity = replace(prompt.fidelity, prompt=PromptFidelity.REBUILT)
        return replace(prompt, messages=messages, fidelity=fidelity)

    def _remember(self, prompt: Prompt, answer: Answer) -> None:
        if answer.response_id is None or answer.message is None:
            return
        self._replies[answer.response_id] = (*prompt.messages[_lead(prompt) :], answer.message)
        while len(self._replies) > MAX_REPLIES:
            self._replies.popitem(last=False)


def _lead(prompt: Prompt) -> int:
    """How many instructions come first: one or none."""
    return int(bool(prompt.messages) and prompt.messages[0].get("role") == "system")


def _check_status(exchange: Exchange) -> None:
    """Raises `RefusedError` for an answer that is no reply of a model.

    A request that was given up before its answer came is none: its prompt was being read.
    """
    if exchange.status == 0 and exchange.failure not in (CLIENT_GONE, RECORDER_STOPPED):
        raise RefusedError(exchange.failure or "no answer")
    if exchange.status and not _OK <= exchange.status < _REDIRECT:
        raise RefusedError(f"HTTP {exchange.status}{_reason(exchange)}")


def _reason(exchange: Exchange) -> str:
    """What an error answer says, where it says it in JSON."""
    try:
        plain = joined(decoded(exchange.chunks, exchange.content_encoding))
        said = error_text(load_object(plain.decode("utf-8")))
    except ValueError:
        return ""
    return f": {strike_out(said, exchange.secrets)[:300]}"


def _without_secrets(answer: Answer, exchange: Exchange) -> Answer:
    """A server may repeat a key in its complaint about it."""
    if answer.failure is None:
        return answer
    return replace(answer, failure=strike_out(answer.failure, exchange.secrets))


def _turn(
    exchange: Exchange, prompt: Prompt, answer: Answer, request: Request, placed: Placement
) -> RecordedTurn:
    before = placed.before
    return RecordedTurn(
        session_id=placed.thread.session_id,
        parent=placed.thread.parent,
        boundary=placed.boundary,
        delay_ms=None if before is None else (request.started_s - before.ended_s) * 1000.0,
        exchange=exchange,
        prompt=prompt,
        fingerprint=request.fingerprint,
        answer=answer,
        model=answer.usage.model or request.model,
    )
