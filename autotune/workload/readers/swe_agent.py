"""SWE-agent trajectories (``*.traj``): the whole prompt of every step, or a history alone.

Since 1.1 ``trajectory[i].query`` is the prompt of step `i`. Before that, ``messages`` of step `i`
is the history after it, so it is the prompt of the step that follows, and the first prompt is what
stands before the first reply. Files of 2024 hold only ``history``, from which the agent's history
processors may have dropped old observations before they sent it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Message, Recorded, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import mapping, objects, span_ms, text
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.message_store import MessageStore, Stored
from autotune.workload.readers.names import name_of
from autotune.workload.readers.rebuild import SessionBuilder
from autotune.workload.readers.swe_agent_shape import (
    is_reply,
    sent_message,
    settings_of,
    totals_of,
)
from autotune.workload.readers.threads import RequestLog

NAME = "swe-agent"
_UNNAMED = frozenset({"", "swe_main"})
"""What ``environment`` says when it says nothing: early versions always ran in ``swe_main``."""

_Prompt = tuple[Stored, ...]


class SweAgentReader:
    """Reads ``*.traj`` files, several attempts at one task included."""

    name = NAME
    description = "SWE-agent trajectories: *.traj"

    def claims_document(self, document: Any) -> bool:
        """The document has a trajectory, a history and notes of the run, or attempts that do."""
        if not isinstance(document, Mapping):
            return False
        attempts = objects(document.get("attempts"))
        return _is_run(document) or any(_is_run(attempt) for attempt in attempts)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """One session a run, and one for each further agent that wrote into its history."""
        document = read_document(file, ledger)
        if not isinstance(document, Mapping):
            return
        digest = file_hash(file.path)
        named = name_of(document.get("environment"))
        base = named if named and named not in _UNNAMED else f"{NAME}-{digest[7:19]}"
        attempts = [a for a in objects(document.get("attempts")) if _is_run(a)]
        for number, run in enumerate(attempts or [document], start=1):
            session_id = f"{base}.{number}" if attempts else base
            yield from _Reading(file, ledger, digest, session_id).sessions(run)


def _is_run(document: Mapping[str, Any]) -> bool:
    lists = (document.get("trajectory"), document.get("history"))
    return all(isinstance(part, list) for part in lists) and isinstance(
        document.get("info"), Mapping
    )


@dataclass(slots=True)
class _Reading:
    """One run of one file."""

    file: CaptureFile
    ledger: DamageLedger
    digest: str
    session_id: str
    store: MessageStore = field(default_factory=MessageStore)

    def sessions(self, run: Mapping[str, Any]) -> Iterator[Session]:
        """The sessions of `run`."""
        steps = objects(run.get("trajectory"))
        if any("query" in step or "messages" in step for step in steps):
            log = RequestLog(NAME, self.digest)
            for request in self._requests(run, steps):
                log.add(request)
            yield from log.sessions()
            return
        yield from self._rebuilt(run, steps)

    def _damage(self, number: int, detail: str) -> None:
        self.ledger.add(self.file.name, DamageKind.WRONG_SCHEMA, number, detail)

    def _requests(
        self, run: Mapping[str, Any], steps: list[Mapping[str, Any]]
    ) -> Iterator[LoggedRequest]:
        """The requests of `run`. A step that added no reply asked the model for nothing."""
        model, params = settings_of(run)
        history = self._stored(run.get("history"), 0) or ()
        prompts = self._prompts(steps)
        idle_ms: float | None = None
        for number, (step, (prompt, after)) in enumerate(zip(steps, prompts, strict=True), start=1):
            if prompt:
                after = after or next((p for p, _ in prompts[number:] if p), history)
                yield LoggedRequest(
                    messages=[item.message for item in prompt],
                    line=0,
                    params=params,
                    response=_reply(step, prompt, after),
                    recorded=Recorded(model=model),
                    delay_ms=idle_ms,
                    conversation=Conversation(self.session_id, certain=True, whole=True),
                    missing=("tools",) if _has_calls(after) else (),
                    origin={"step": number, **(totals_of(run) if number == 1 else {})},
                )
            idle_ms = _tool_ms(step)

    def _prompts(self, steps: list[Mapping[str, Any]]) -> list[tuple[_Prompt, _Prompt]]:
        """The prompt of every step and the history after it, where the step has that.

        The prompt is empty for a step that made no request.
        """
        prompts: list[tuple[_Prompt, _Prompt]] = []
        before: _Prompt = ()
        for number, step in enumerate(steps, start=1):
            if "query" in step:
                query = step["query"]
                prompts.append((() if query == [{}] else self._stored(query, number) or (), ()))
                continue
            after = self._stored(step.get("messages"), number)
            asked = after is not None and _replies(after) > _replies(before)
            if after is None or not asked:
                prompts.append(((), ()))
            else:
                prompts.append((before or _before_reply(after), after))
            before = before if after is None else after
        return prompts

    def _stored(self, items: Any, number: int) -> _Prompt | None:
        """A list of history items as messages; ``None``, and damage, when it is none."""
        with self.ledger.checked(self.file.name, number):
            if not isinstance(items, list):
                raise ValueError("messages: not a list")
            return tuple(self.store.message(sent_message(item)) for item in items)
        return None

    def _rebuilt(self, run: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> Iterator[Session]:
        """The sessions of a history, one an agent that wrote into it; the first is the parent."""
        model, params = settings_of(run)
        times = [_tool_ms(step) for step in steps]
        agents: dict[str, SessionBuilder] = {}
        history = run.get("history")
        for number, item in enumerate(history if isinstance(history, list) else (), start=1):
            agent = name_of(mapping(item).get("agent")) or ""
            builder = agents.get(agent) or self._builder(agents, agent)
            builder.params = params
            try:
                message = self.store.message(sent_message(item)).message
            except ValueError as error:
                self._damage(number, str(error))
                continue
            if is_reply(item):
                _ask(builder, message, model, times)
            builder.say(message)
        yield from filter(None, (builder.session() for builder in agents.values()))

    def _builder(self, agents: dict[str, SessionBuilder], agent: str) -> SessionBuilder:
        first = not agents
        made = SessionBuilder(
            session_id=self.session_id if first else f"{self.session_id}.{agent or 'other'}",
            format=NAME,
            file_digest=self.digest,
            parent=None if first else self.session_id,
            missing=("edits",),
        )
        if not first:
            made.mark(Boundary.SUBAGENT)
        agents[agent] = made
        return made


def _ask(
    builder: SessionBuilder, reply: Message, model: str | None, times: list[float | None]
) -> None:
    """The request that `reply` answered; its tool ran for as long as the step before says."""
    done = len(builder.turns)
    builder.request(
        line=0,
        response=reply,
        recorded=Recorded(model=model),
        delay_ms=times[done - 1] if 0 < done <= len(times) else None,
        missing=("tools",) if reply.get("tool_calls") else (),
        origin={"step": done + 1},
    )


def _tool_ms(step: Mapping[str, Any]) -> float | None:
    """How long the tool of a step ran; the log has it in seconds."""
    seconds = span_ms(step.get("execution_time"))
    return None if seconds is None else seconds * 1000.0


def _replies(messages: _Prompt) -> int:
    return sum(item.message.get("role") == "assistant" for item in messages)


def _before_reply(messages: _Prompt) -> _Prompt:
    """What stands before the last reply: the prompt it answered."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].message.get("role") == "assistant":
            return messages[:index]
    return ()


def _reply(step: Mapping[str, Any], prompt: _Prompt, after: _Prompt) -> Message | None:
    """The message that a later prompt carries after this one's, else the step's own text."""
    follows = after[len(prompt)].message if len(after) > len(prompt) else {}
    if follows.get("role") == "assistant":
        return follows
    said = text(step.get("response"))
    return {"role": "assistant", "content": said} if said else None


def _has_calls(messages: _Prompt) -> bool:
    return any(item.message.get("tool_calls") for item in messages)
