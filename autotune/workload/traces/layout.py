"""Prompts as messages before they have text: who speaks from which token to which.

A trace knows a prompt as tokens from 0 to its input length. Here those tokens are dealt out to
messages, and each message counts what the chat template puts around it as its own: positions are
those of the rendered prompt, so that block borders fall where the trace had them. Two prompts that
share blocks share the messages of those blocks, and differ from the block on where the ids do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

HEADER_TOKENS = 3
"""Template tokens before a message's text in ChatML: ``<|im_start|>``, the role, a newline. SmolLM2
has two tokens for the role ``assistant``, so its prompts come out longer by one, and by one more a
reply: measured at most 31 in prompts of 149,047."""

TRAILER_TOKENS = 2
"""Template tokens after it: ``<|im_end|>`` and a newline."""

MIN_TOKENS = HEADER_TOKENS + 1 + TRAILER_TOKENS
"""The shortest message: one word."""

SHORT_SYSTEM_TOKENS = 16
"""Length of a system message where no block is common to the prompts of its kind."""


@dataclass(frozen=True, slots=True)
class Run:
    """The words at positions from `start` to `stop`: those of request `row`, `shift` further on."""

    start: int
    stop: int
    row: int
    shift: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """One message: positions of the rendered prompt, template tokens included, and its words.

    Compared by identity: prompts that share a message share the span.
    """

    role: str
    start: int
    stop: int
    runs: tuple[Run, ...]


Layout = tuple[Span, ...]


def message(role: str, start: int, stop: int, row: int, shift: int = 0) -> Span:
    """A message of the words of `row`, at least `MIN_TOKENS` long."""
    stop = max(stop, start + MIN_TOKENS)
    words = Run(start + HEADER_TOKENS, stop - TRAILER_TOKENS, row, shift)
    return Span(role, start, stop, (words,))


def opening(input_tokens: int, system_tokens: int, row: int) -> Layout:
    """A first prompt: a system message of `system_tokens`, and the user's words to the end."""
    end = input_tokens - HEADER_TOKENS  # the header of the reply belongs to the prompt too
    system = message("system", 0, min(system_tokens, end - MIN_TOKENS), row)
    return (system, message("user", system.stop, end, row))


def extended(
    before: Layout, input_tokens: int, reply_tokens: int | None, row: int, shift: int = 0
) -> Layout:
    """The prompt after `before`: all of it, the reply to it, and the user's words to the end.

    A reply that the new prompt has no room for is cut, to one word at least; a prompt that is no
    longer than the one before gets a message of one word. So does a reply of unknown length: its
    header was part of the prompt before.
    """
    end = input_tokens - HEADER_TOKENS
    start = _end(before)
    said = start + HEADER_TOKENS + (reply_tokens or 1) + TRAILER_TOKENS
    reply = message("assistant", start, min(said, end - MIN_TOKENS), row, shift)
    return (*before, reply, message("user", reply.stop, end, row, shift))


def edited(before: Layout, at: int, until: int, input_tokens: int, row: int) -> Layout:
    """The prompt that is `before` up to token `at`, and new words from there to the end.

    The message that `at` falls into begins as it did. One of the assistant ends there; a system
    message goes on to where it ended, and the user has the rest. A system message that ends before
    `until`, up to where the two prompts may be alike, is kept.
    """
    end = input_tokens - HEADER_TOKENS
    kept = [span for span in before if _lasts(span, at, until)]
    broken = before[len(kept)] if len(kept) < len(before) else None
    if broken is None:
        return _continued(kept, at, end, row)
    stop = {"system": min(broken.stop, end - MIN_TOKENS), "assistant": at + TRAILER_TOKENS}
    kept.append(_regrown(broken, at, stop.get(broken.role, end), row))
    if broken.role != "user":
        kept.append(message("user", _end(kept), end, row))
    return tuple(kept)


def _lasts(span: Span, at: int, until: int) -> bool:
    """Whether `span` is in both of two prompts that part between `at` and `until`."""
    alike = span.role == "system" and span.stop + HEADER_TOKENS < until
    return alike or span.stop - TRAILER_TOKENS < at


def _continued(kept: list[Span], at: int, end: int, row: int) -> Layout:
    """`kept` and the user's words to `end`; nothing where they are too few for a message.

    Blocks may reach into the header of the reply, which the prompt before ended with.
    """
    if end - _end(kept) < MIN_TOKENS:
        return tuple(kept)
    if at > _end(kept):
        kept.append(message("assistant", _end(kept), _end(kept), row))
    kept.append(message("user", _end(kept), end, row))
    return tuple(kept)


def _regrown(span: Span, at: int, stop: int, row: int) -> Span:
    """`span` with its words before `at`, and those of `row` from there to `stop`."""
    fresh = message(span.role, span.start, max(stop, at + TRAILER_TOKENS), row)
    first = max(at, span.start + HEADER_TOKENS)
    old = tuple(replace(run, stop=min(run.stop, at)) for run in span.runs if run.start < at)
    new = tuple(replace(run, start=first) for run in fresh.runs if first < run.stop)
    return replace(fresh, runs=(*old, *new))


def _end(spans: Sequence[Span]) -> int:
    return spans[-1].stop if spans else 0
