"""Parts of an opencode message in OpenAI chat shape, cut into the model's steps.

Shapes: opencode's ``MessageV2`` (packages/opencode/src/session). ``tokens.input`` leaves out what
was read from and written to the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import count, mapping, number, text
from autotune.workload.readers.responses_shape import compact

Part = Mapping[str, Any]

CLEARED = "[tool result cleared]"
"""Stands for a result that opencode pruned from its prompts; its own words are about as long."""

COMPACT = "Summarize what was done so far."
"""Stands for the question that opencode asks for a summary; its own words are about as long."""

_INTERRUPTED = "[tool call interrupted]"


@dataclass(slots=True)
class Step:
    """One request of the model: what it replied, and what its tools answered.

    `start_ms` is when it was sent, `end_ms` when its reply was complete: before its tools ran.
    """

    start_ms: float | None = None
    parts: list[Part] = field(default_factory=list)
    tokens: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> Message | None:
        """The reply; ``None`` when nothing came."""
        reply: dict[str, Any] = {"role": "assistant"}
        thoughts, texts = _texts(self.parts, "reasoning"), _texts(self.parts, "text")
        calls = [_call(part) for part in self._tools]
        if thoughts:
            reply["reasoning_content"] = "\n".join(thoughts)
        if texts:
            reply["content"] = "\n".join(texts)
        if calls:
            reply["tool_calls"] = calls
        return reply if reply.keys() > {"role"} else None

    @property
    def answers(self) -> list[Answer]:
        """What the tools answered, call by call."""
        return [_answer(part) for part in self._tools]

    @property
    def _tools(self) -> list[Part]:
        return [part for part in self.parts if part.get("type") == "tool"]

    @property
    def end_ms(self) -> float | None:
        """When the first tool began, else when the last text was complete."""
        began = [_time(mapping(part.get("state")), "start") for part in self._tools]
        known = [stamp for stamp in began if stamp is not None]
        if known:
            return min(known)
        ended = [_time(part, "end") for part in self.parts if part.get("type") != "tool"]
        return max((stamp for stamp in ended if stamp is not None), default=None)

    @property
    def done_ms(self) -> float | None:
        """When the last tool was done; ``None`` without tools."""
        ended = [_time(mapping(part.get("state")), "end") for part in self._tools]
        return max((stamp for stamp in ended if stamp is not None), default=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A tool's answer; from `cleared_ms` on prompts carry `cleared` in its place."""

    message: Message
    cleared_ms: float | None
    cleared: Message


def steps_of(parts: Iterable[Part], start_ms: float | None) -> list[Step]:
    """The parts of an assistant message as its steps; one without marks is one step."""
    steps: list[Step] = []
    for part in parts:
        kind = part.get("type")
        if kind == "step-start" or not steps:
            steps.append(Step(start_ms))
        if kind == "step-finish":
            steps[-1].tokens = mapping(part.get("tokens"))
        elif kind in ("text", "reasoning", "tool"):
            steps[-1].parts.append(part)
        start_ms = steps[-1].done_ms if kind == "step-finish" else start_ms
    return steps


def user_message(parts: Iterable[Part]) -> Message | None:
    """A user message; files that are text stand among its parts as text already."""
    content: list[dict[str, Any]] = []
    for part in parts:
        kind, said = part.get("type"), part.get("text")
        if kind == "text" and isinstance(said, str) and part.get("ignored") is not True:
            content.append({"type": "text", "text": said})
        elif kind == "file":
            content.extend(_file(part))
        elif kind == "compaction":
            content.append({"type": "text", "text": COMPACT})
    if not content:
        return None
    if all(piece["type"] == "text" for piece in content):
        return {"role": "user", "content": "\n".join(piece["text"] for piece in content)}
    return {"role": "user", "content": content}


def _file(part: Part) -> list[dict[str, Any]]:
    mime, url = text(part.get("mime")) or "", text(part.get("url"))
    if url is None or mime in ("text/plain", "application/x-directory"):
        return []
    if mime.startswith("image/"):
        return [{"type": "image_url", "image_url": {"url": url}}]
    return [{"type": "file", "file": {"filename": text(part.get("filename")) or url}}]


def compaction_of(parts: Iterable[Part]) -> Part | None:
    """The part that asks for a compaction, if there is one."""
    return next((part for part in parts if part.get("type") == "compaction"), None)


def recorded_of(tokens: Mapping[str, Any], model: str | None) -> Recorded:
    """Token counts of a step.

    The reply holds the reasoning where the writer's total says that it was counted apart. A prompt
    of 0 tokens is none.
    """
    cache = mapping(tokens.get("cache"))
    fresh, output = count(tokens.get("input")), count(tokens.get("output"))
    read, written = count(cache.get("read")) or 0, count(cache.get("write")) or 0
    thought = count(tokens.get("reasoning"))
    prompt = (fresh or 0) + read + written
    if fresh is None or not prompt:
        return Recorded(model=model)
    if output is not None and count(tokens.get("total")) == prompt + output + (thought or 0):
        output += thought or 0
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=read,
        completion_tokens=output,
        reasoning_tokens=thought,
        model=model,
    )


def _texts(parts: Iterable[Part], kind: str) -> list[str]:
    found = (text(part.get("text")) for part in parts if part.get("type") == kind)
    return [said for said in found if said]


def _time(holder: Mapping[str, Any], key: str) -> float | None:
    return number(mapping(holder.get("time")).get(key))


def _call_id(part: Part) -> str:
    return text(part.get("callID")) or text(part.get("id")) or ""


def _call(part: Part) -> dict[str, Any]:
    arguments = mapping(part.get("state")).get("input")
    written = arguments if isinstance(arguments, str) else compact(arguments or {})
    function = {"name": text(part.get("tool")) or "", "arguments": written}
    return {"id": _call_id(part), "type": "function", "function": function}


def _answer(part: Part) -> Answer:
    state = mapping(part.get("state"))
    said: Any = state.get("output")
    if state.get("status") == "error":
        said = mapping(state.get("metadata")).get("output") or state.get("error")
    if not isinstance(said, str):
        said = _INTERRUPTED if said is None else compact(said)
    message = {"role": "tool", "tool_call_id": _call_id(part), "content": said}
    return Answer(message, _time(state, "compacted"), {**message, "content": CLEARED})
