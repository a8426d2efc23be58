"""Whether an answer is a measurement, and the kind of failure where it is not."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autotune.replay.assembly import Assembly, error_text
from autotune.replay.chunks import load_object
from autotune.replay.outcome import TurnFailure
from autotune.replay.transfer import End, Transfer

_OVERFLOW = re.compile(
    r"exceed_context_size|context_length_exceeded|"
    r"context (?:size|length|window)\b.*\bexceed|exceeds?\b.*\bcontext|"
    r"maximum (?:model |context )*(?:length|len)\b|"
    r"longer than the (?:model'?s? )?(?:maximum )?context|requested token count exceeds",
    re.IGNORECASE,
)
"""How llama.cpp, vLLM, SGLang, oMLX and hosted services say that the prompt does not fit."""

_DETAIL_LENGTH = 300

NO_MEMORY_STATUS = 507
"""Insufficient Storage (RFC 4918, 11.5): how oMLX says that a model or a prompt does not fit."""

NOT_A_STREAM = "the answer is one JSON document, not a stream of events"

_STATUS = re.compile(r"HTTP (\d{3}): ")


def status_in(detail: str | None) -> int | None:
    """The HTTP status that a turn failed with, from its detail."""
    found = _STATUS.match(detail or "")
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A failure and one line that says what was seen; both ``None`` for a good answer."""

    failure: TurnFailure | None = None
    detail: str | None = None


def judge_status(status: int, body: bytes) -> Verdict:
    """An answer that is not 2xx."""
    text = body.decode("utf-8", errors="replace")
    answer = load_object(text)
    message = error_text(answer) if answer is not None else " ".join(text.split())
    if status == NO_MEMORY_STATUS:
        return Verdict(TurnFailure.OUT_OF_MEMORY, f"HTTP {status}: {message}"[:_DETAIL_LENGTH])
    return _named(f"HTTP {status}: {message}")


def judge_stream(
    whole: Assembly, sent: Transfer, asked: int | None, output: int | None, fixed_length: bool
) -> Verdict:
    """A stream, complete or not. What the engine says of itself comes first."""
    if whole.error is not None:
        return _named(f"error in the stream: {whole.error}")
    if sent.end is End.SILENT and not whole.done:
        return Verdict(TurnFailure.HANG, sent.error)
    if missing := _missing(whole, sent):
        return Verdict(TurnFailure.BAD_REPLY, missing)
    return _judge_length(whole, asked, output, fixed_length)


def _missing(whole: Assembly, sent: Transfer) -> str | None:
    """What a stream needs to count as complete."""
    tail = f" ({sent.error})" if sent.error else ""
    if not whole.events and load_object(sent.body.decode("utf-8", errors="replace")) is not None:
        return NOT_A_STREAM
    if whole.finish_reason is None:
        return f"the stream ended without a finish_reason{tail}"
    if not whole.done:
        return f"the stream ended without [DONE]{tail}"
    if whole.finish_reason == "error":
        return "the engine finished with an error"
    return None


def _judge_length(
    whole: Assembly, asked: int | None, output: int | None, fixed_length: bool
) -> Verdict:
    if asked is None or output is None or output == asked:
        return Verdict()
    if output < asked and not fixed_length:
        return Verdict()
    hint = " (context full, or a cap of the server's own)" if _cut(whole, output, asked) else ""
    reason = f"{output} output tokens where {asked} were asked, finish_reason {whole.finish_reason}"
    return Verdict(TurnFailure.WRONG_LENGTH, reason + hint)


def _cut(whole: Assembly, output: int, asked: int) -> bool:
    return whole.finish_reason == "length" and output < asked


def _named(message: str) -> Verdict:
    kind = TurnFailure.CONTEXT_OVERFLOW if _OVERFLOW.search(message) else TurnFailure.BAD_REPLY
    return Verdict(kind, message[:_DETAIL_LENGTH])
