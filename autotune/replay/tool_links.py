"""Tool calls and their results matched, for APIs that refuse one without the other.

A capture may hold a call that was never answered (the user interrupted it) and, in closed loop,
results whose call was said by another model. Local chat templates render both by role; Anthropic's
Messages API, OpenAI's Responses API and hosted chat APIs answer HTTP 400. Such a call or result
becomes text that says the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from autotune.replay.rendering import call_text, part_text
from autotune.workload.model import Message


def linked(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages` with unanswered calls and unasked results as text; the same objects elsewhere.

    A message is rewritten from itself, the calls before it and the results right behind it, so a
    prompt that was answered keeps its prefix in the next one.
    """
    return tuple(_linked(messages))


def _linked(messages: Sequence[Message]) -> Iterator[Message]:
    asked: frozenset[str] = frozenset()
    for at, message in enumerate(messages):
        role = message.get("role")
        if role == "assistant":
            answered = _answered(messages, at)
            yield _with_answered_calls(message, answered)
            asked = answered
        elif role in ("tool", "function"):
            yield message if message.get("tool_call_id") in asked else _result_as_text(message)
        else:
            asked = frozenset()
            yield message


def _answered(messages: Sequence[Message], at: int) -> frozenset[str]:
    """Ids of the calls of message `at` that the results behind it answer."""
    calls = {str(call.get("id")) for call in calls_in(messages[at])}
    behind = takewhile(lambda m: m.get("role") in ("tool", "function"), messages[at + 1 :])
    return frozenset(calls & {str(m.get("tool_call_id")) for m in behind})


def calls_in(message: Message) -> list[Mapping[str, Any]]:
    """The tool calls of an assistant message."""
    return [call for call in message.get("tool_calls") or () if isinstance(call, Mapping)]


def _with_answered_calls(message: Message, answered: frozenset[str]) -> Message:
    calls = calls_in(message)
    kept = [call for call in calls if str(call.get("id")) in answered]
    if len(kept) == len(calls):
        return message
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    said = [call_text(call) for call in calls if str(call.get("id")) not in answered]
    rest["content"] = "\n".join(filter(None, [text_in(message.get("content")), *said]))
    return {**rest, "tool_calls": kept} if kept else rest


def _result_as_text(message: Message) -> Message:
    text = text_in(message.get("content"))
    return {"role": "user", "content": f"<tool_response>\n{text}\n</tool_response>"}


def text_in(content: object) -> str:
    """A content as text: parts joined by line breaks, what is not text by its kind."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list | tuple):
        return "\n".join(map(part_text, content))
    return json.dumps(content, ensure_ascii=False)
