"""Why a prompt no longer begins with the one before it: the cause, never the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from autotune.workload.model import Message, Turn
from autotune.workload.rendered import calls_text, content_text, reasoning_text, rendered_text


class Break(StrEnum):
    """What made the first difference between two consecutive prompts of a session."""

    COMPACTION = "compaction"
    CONTEXT_EDIT = "context edit"
    TOOLS_REORDERED = "tools reordered"
    TOOLS_CHANGED = "tools changed"
    BILLING_HEADER = "billing header"
    CLOCK = "clock or counter in the system prompt"
    SYSTEM_CHANGED = "system prompt changed"
    REASONING_DROPPED = "reasoning dropped"
    CALL_REWRITTEN = "tool call rewritten"
    REPLY_REWRITTEN = "reply rewritten"
    RESULT_REWRITTEN = "tool result rewritten"
    MESSAGE_REWRITTEN = "message rewritten"
    HISTORY_SHORTENED = "history shortened"


_BILLING = re.compile(r"x-anthropic-billing-header:[^\n]*")
_NUMBERS = re.compile(r"\d+")
_MONTHS = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*\b",
    re.IGNORECASE,
)


def cause_of(before: Turn, after: Turn) -> Break | None:
    """Why `after` does not begin with all of `before`; ``None`` when it does, as rendered."""
    tools = _tools_break(before.tools, after.tools)
    if tools is not None:
        return tools
    for old, new in zip_longest(before.messages, after.messages):
        if old is new:
            continue
        if old is None:
            return None
        if new is None:
            return _edited(after) or Break.HISTORY_SHORTENED
        if rendered_text(old) != rendered_text(new):
            return _edited(after) or _message_break(old, new)
    return None


def _edited(turn: Turn) -> Break | None:
    """The capture's own word for it."""
    if turn.boundary is None:
        return None
    return Break.COMPACTION if turn.boundary.value == "compaction" else Break.CONTEXT_EDIT


def _tools_break(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Break | None:
    if before is after or list(before) == list(after):
        return None
    same = sorted(map(repr, before)) == sorted(map(repr, after))
    return Break.TOOLS_REORDERED if same else Break.TOOLS_CHANGED


def _message_break(old: Message, new: Message) -> Break:
    roles = (old.get("role"), new.get("role"))
    if roles == ("system", "system"):
        return _system_break(content_text(old), content_text(new))
    if roles == ("assistant", "assistant"):
        return _reply_break(old, new)
    if roles == ("tool", "tool"):
        return Break.RESULT_REWRITTEN
    return Break.MESSAGE_REWRITTEN


def _system_break(old: str, new: str) -> Break:
    if _BILLING.search(old + new) and _BILLING.sub("", old) == _BILLING.sub("", new):
        return Break.BILLING_HEADER
    return Break.CLOCK if _timeless(old) == _timeless(new) else Break.SYSTEM_CHANGED


def _timeless(text: str) -> str:
    """`text` without what a clock or a counter changes: numbers, names of months and days."""
    return _MONTHS.sub("", _NUMBERS.sub("", text))


def _reply_break(old: Message, new: Message) -> Break:
    if reasoning_text(old) != reasoning_text(new):
        return Break.REASONING_DROPPED
    if content_text(old) == content_text(new) and calls_text(old) != calls_text(new):
        return Break.CALL_REWRITTEN
    return Break.REPLY_REWRITTEN
