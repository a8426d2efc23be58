"""Requests of an ATIF trajectory, put together from its steps.

A request is every reply of the model. Converters split one reply over several steps (what it said,
then what it called), so steps of the agent that follow each other with nothing answered in between
are one reply, unless both were counted by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.model import Boundary, Message, Recorded
from autotune.workload.readers.atif_shape import (
    Step,
    content_of,
    has_observation,
    metrics_of,
    prompt_ids,
    replaces_context,
    results,
    tool_calls,
)
from autotune.workload.readers.checks import count, epoch_ms, mapping, objects, text
from autotune.workload.readers.message_store import MessageStore
from autotune.workload.readers.names import name_of
from autotune.workload.readers.rebuild import SessionBuilder

_ROLES = {"system": "system", "user": "user", "tool": "tool"}


def missing_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What the prompts of this trajectory lack against what was sent."""
    steps = objects(document.get("steps"))
    sources = [step.get("source") for step in steps]
    before = sources[: sources.index("agent")] if "agent" in sources else sources
    lacking = [] if "system" in before else ["system"]
    if not objects(mapping(document.get("agent")).get("tool_definitions")):
        lacking.append("tools")
    if any(_lost_thinking(step) for step in steps):
        lacking.append("thinking")
    return tuple(lacking)


def _lost_thinking(step: Step) -> bool:
    """Whether the model thought here, and what it thought was not written down."""
    return bool(metrics_of(step).reasoning_tokens) and not text(step.get("reasoning_content"))


@dataclass(slots=True)
class Rebuild:
    """The steps of one trajectory, or of several that go on from each other, into `builder`."""

    builder: SessionBuilder
    file: str
    ledger: DamageLedger
    model: str | None = None
    store: MessageStore = field(default_factory=MessageStore)
    _open: list[tuple[int, Step]] = field(default_factory=list)
    _unanswered: list[str] = field(default_factory=list)
    _calls: int = 0
    _before_ms: float | None = None
    _now_ms: float | None = None

    def walk(self, steps: Any) -> None:
        """Take in the steps of one document, in their order."""
        for number, step in enumerate(steps if isinstance(steps, list) else (), start=1):
            if isinstance(step, Mapping):
                self._step(number, step)
            else:
                self._damage(number, "a step that is no object")
        self._close()

    def _say(self, message: Message) -> None:
        """The store's own object: equal messages are the same one, whatever came between."""
        self.builder.say(self.store.message(message).message)

    def _damage(self, number: int, detail: str) -> None:
        self.ledger.add(self.file, DamageKind.WRONG_SCHEMA, number, f"steps: {detail}")

    def _step(self, number: int, step: Step) -> None:
        source = step.get("source")
        stamp = epoch_ms(step.get("timestamp"))
        if source == "agent":
            self._agent(number, step)
        elif isinstance(source, str) and source in _ROLES:
            self._close()
            self._heard(step, _ROLES[source])
        else:
            self._damage(number, "a step of no known source")
        self._now_ms = self._now_ms if stamp is None else stamp

    def _agent(self, number: int, step: Step) -> None:
        if not self._goes_on(step):
            self._close()
        if not self._open:
            self._before_ms = self._now_ms
        self._open.append((number, step))
        if has_observation(step):
            self._close()

    def _goes_on(self, step: Step) -> bool:
        """Whether `step` is more of the reply that is open."""
        if not self._open:
            return False
        _, before = self._open[-1]
        if _kind(before) != _kind(step):
            return False
        counted = any(metrics_of(known).prompt_tokens for _, known in self._open)
        return not (counted and metrics_of(step).prompt_tokens)

    def _heard(self, step: Step, role: str) -> None:
        """A step of anyone but the agent."""
        if replaces_context(step):
            self.builder.replace(_kept(self.builder.messages), Boundary.COMPACTION)
            return
        content = content_of(step.get("message"))
        if role == "tool":
            call_id = self._unanswered.pop(0) if self._unanswered else None
            named = {"role": "tool", "tool_call_id": call_id, "content": content}
            self._say(named if call_id else {"role": "user", "content": content})
            return
        if content:
            self._say({"role": role, "content": content})
        for message in results(step, []):
            self._say(message)

    def _close(self) -> None:
        """The reply that is open is complete: what asked for it, itself, what answered it."""
        if not self._open:
            return
        gathered, self._open = self._open, []
        calls = self._gather_calls(gathered)
        message = _message([step for _, step in gathered], calls)
        if _kind(gathered[0][1]) == "asked":
            self._request(gathered, message)
        if message.keys() > {"role"}:
            self._say(message)
        for _, step in gathered:
            for result in results(step, calls):
                self._say(result)
        answered = any(has_observation(step) for _, step in gathered)
        self._unanswered = [] if answered else [call["id"] for call in calls]

    def _gather_calls(self, gathered: list[tuple[int, Step]]) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []
        for _, step in gathered:
            calls += tool_calls(step, self._calls + len(calls))
        self._calls += len(calls)
        return calls

    def _request(self, gathered: list[tuple[int, Step]], message: Message) -> None:
        recorded = self._recorded(gathered)
        self.builder.request(
            line=0,
            response=message if message.keys() > {"role"} else None,
            recorded=recorded,
            output_tokens=recorded.completion_tokens,
            timestamp_ms=self._before_ms,
            origin=_origin(gathered),
        )

    def _recorded(self, gathered: list[tuple[int, Step]]) -> Recorded:
        counted = (metrics_of(step) for _, step in gathered)
        recorded = next((r for r in counted if r.prompt_tokens is not None), Recorded())
        named = (name_of(step.get("model_name")) for _, step in gathered)
        return replace(recorded, model=next(filter(None, named), None) or self.model)


def _kind(step: Step) -> str:
    """``copied`` from another trajectory, ``dispatched`` without the model, or ``asked`` of it."""
    if step.get("is_copied_context") is True:
        return "copied"
    return "dispatched" if count(step.get("llm_call_count")) == 0 else "asked"


def _kept(messages: list[Message]) -> list[Message]:
    """What outlives a compaction: the system prompt, else the first message, which holds it."""
    for index, message in enumerate(messages):
        if message.get("role") != "system":
            return messages[: index or 1]
    return list(messages)


def _message(steps: list[Step], calls: list[dict[str, Any]]) -> dict[str, Any]:
    """The reply that `steps` are, as one assistant message; parts it does not have are left out."""
    message: dict[str, Any] = {"role": "assistant"}
    thoughts = [text(step.get("reasoning_content")) for step in steps]
    if any(thoughts):
        message["reasoning_content"] = "\n".join(filter(None, thoughts))
    contents = [content for step in steps if (content := content_of(step.get("message")))]
    if len(contents) == 1:
        message["content"] = contents[0]
    elif contents:
        message["content"] = "\n".join(c for c in contents if isinstance(c, str))
    if calls:
        message["tool_calls"] = calls
    return message


def _origin(gathered: list[tuple[int, Step]]) -> dict[str, Any]:
    number, step = gathered[0]
    known = count(step.get("step_id"))
    origin: dict[str, Any] = {"step": number if known is None else known}
    calls = max(count(s.get("llm_call_count")) or 1 for _, s in gathered)
    if calls > 1:
        origin["llm_calls"] = calls
    ids = next((n for _, s in gathered if (n := prompt_ids(s)) is not None), None)
    if ids is not None:
        origin["prompt_token_ids"] = ids
    return origin
