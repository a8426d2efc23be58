"""Sessions with the shape of real agent work, made up from a seed.

Every session of a workload belongs to one agent: the same system prompt and tools, on the same
made-up project. A session grows from `start_depth` to `depth` tokens, turn by turn: a reply
with a tool call, then the tool's result, most of them small and a few large. Files come back
after they were edited, as in real work. Sessions overlap in time; a sub-agent runs while the
turn of its parent that started it waits. Sizes are estimates at `CHARS_PER_TOKEN`; nothing is
recorded, so nothing is claimed to be measured.

`Work.EDITS` makes the other kind: an agent that writes out again what it has read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from random import Random
from typing import Any

from autotune.errors import UserError
from autotune.workload.depth import CHARS_PER_TOKEN, message_chars, tools_chars
from autotune.workload.model import Boundary, Fidelity, Message, PromptFidelity, Session, Turn
from autotune.workload.synthesis import prompts
from autotune.workload.synthesis.agent import Agent
from autotune.workload.synthesis.edits import edit_sessions
from autotune.workload.synthesis.plan import StepPlan, growth_needed, plan_steps
from autotune.workload.synthesis.project import Project

MIN_START_DEPTH = 700
"""Tokens: tools, rules and a task do not fit in less."""

MIN_EDIT_DEPTH = 200
"""Tokens of an editing session's first prompt: a file and the first lines to write out."""

DEFAULT_START_DEPTH = 8_000
"""Tokens: an agent with a handful of tools, before it has done anything."""

_OVERLAP = 0.35
_LONGEST_QUESTION_CHARS = 4_000
_FIDELITY = Fidelity(PromptFidelity.SYNTHETIC)


class Work(StrEnum):
    """What the agent does.

    ``tools``: reads, searches, edits and tests by tool calls. ``edits``: is shown lines of a file
    and writes them out again, one session after the other.
    """

    TOOLS = "tools"
    EDITS = "edits"


@dataclass(frozen=True, slots=True)
class SynthesisSpec:
    """What to make up. Depths and lengths are tokens, estimated.

    Attributes:
        sessions: conversations of the agent, sub-agents not counted.
        turns: requests in each.
        start_depth: prompt of the first turn: system prompt, tools and task. ``None`` is half of
            `depth`, at most `DEFAULT_START_DEPTH`.
        depth: prompt of the last turn.
        reply_tokens: median length of a reply.
        subagents: sub-agent sessions in all, dealt out to the sessions in turn.
        seed: the same seed gives the same sessions, byte for byte.
        work: what the agent does.
    """

    sessions: int = 4
    turns: int = 20
    start_depth: int | None = None
    depth: int = 40_000
    reply_tokens: int = 120
    subagents: int = 0
    seed: int = 0
    work: Work = Work.TOOLS

    @property
    def first_depth(self) -> int:
        """Tokens of the first prompt."""
        if self.start_depth is not None:
            return self.start_depth
        return min(DEFAULT_START_DEPTH, max(MIN_START_DEPTH, self.depth // 2))

    def check(self) -> None:
        """Raises `UserError` where the numbers do not go together."""
        for name, least in (("sessions", 1), ("turns", 1), ("reply_tokens", 16), ("subagents", 0)):
            if getattr(self, name) < least:
                raise UserError(
                    f"{_words(name)} is {getattr(self, name)}", f"it must be at least {least}"
                )
        least = MIN_EDIT_DEPTH if self.work is Work.EDITS else MIN_START_DEPTH
        if self.first_depth < least:
            raise UserError(
                f"a first prompt of {self.first_depth} tokens cannot hold what the agent needs",
                f"give a start depth of at least {least}",
            )
        if self.subagents and self.work is Work.EDITS:
            raise UserError("sessions of edits have no sub-agents", "leave --subagents out")
        if self.subagents and self.turns < 2:
            raise UserError("a session of one turn cannot start a sub-agent", "give more turns")
        needed = growth_needed(self.turns, self.reply_tokens)
        if self.depth - self.first_depth < needed:
            raise UserError(
                f"{self.turns} turns with replies of about {self.reply_tokens} tokens grow by "
                f"{needed} tokens, which {self.first_depth} to {self.depth} has no room for",
                f"raise the depth to {self.first_depth + needed}, or ask for fewer turns or "
                "shorter replies",
            )


def _words(name: str) -> str:
    return name.replace("_", " ")


def synthesize(spec: SynthesisSpec) -> list[Session]:
    """The sessions of `spec`: parents in order, each followed by its sub-agents.

    Raises:
        UserError: the numbers of `spec` do not go together.
    """
    return list(iter_synthesized(spec))


def iter_synthesized(spec: SynthesisSpec) -> Iterator[Session]:
    """As `synthesize`, one session at a time: memory holds one conversation and its helpers."""
    spec.check()
    if spec.work is Work.EDITS:
        yield from edit_sessions(
            sessions=spec.sessions,
            turns=spec.turns,
            start_depth=spec.first_depth,
            depth=spec.depth,
            reply_tokens=spec.reply_tokens,
            seed=spec.seed,
        )
        return
    prefix = _prefix(spec)
    start_ms = 0.0
    for number in range(spec.sessions):
        parent, helpers = _family(spec, prefix, number)
        yield _shifted(parent, start_ms)
        yield from (_shifted(helper, start_ms) for helper in helpers)
        start_ms += round((parent.turns[-1].timestamp_ms or 0.0) * _OVERLAP)


@dataclass(frozen=True, slots=True)
class _Prefix:
    """What every session of the agent begins with."""

    tools: tuple[Mapping[str, Any], ...]
    system: Message

    @property
    def chars(self) -> int:
        return tools_chars(self.tools) + message_chars(self.system)


def _prefix(spec: SynthesisSpec) -> _Prefix:
    """Tools and system prompt: nine tenths of the first prompt, the task is the rest."""
    rng = Random(f"{spec.seed}:prefix")
    room = spec.first_depth * CHARS_PER_TOKEN * 9 // 10
    tools = prompts.tools(rng, room * 2 // 5)
    system = prompts.system_prompt(rng, room - tools_chars(tools))
    return _Prefix(tools, {"role": "system", "content": system})


@dataclass(frozen=True, slots=True)
class _Helper:
    """A sub-agent to be started by turn `step` of its parent."""

    session_id: str
    step: int
    task: str
    steps: list[StepPlan]

    @property
    def busy_ms(self) -> float:
        return _duration_ms(self.steps)


def _duration_ms(steps: list[StepPlan]) -> float:
    """From a session's first request to the end of its last reply."""
    return sum(step.busy_ms for step in steps) + sum(step.delay_ms for step in steps[1:])


def _family(spec: SynthesisSpec, prefix: _Prefix, number: int) -> tuple[Session, list[Session]]:
    """Session `number` and its sub-agents, on a clock that starts with the session."""
    name = f"synthetic-{spec.seed}-{number + 1:03d}"
    rng = Random(f"{spec.seed}:session:{number}")
    steps = plan_steps(rng, spec.turns, spec.first_depth, spec.depth, spec.reply_tokens)
    helpers = _helpers(spec, prefix, number, name)
    steps = _waiting(steps, helpers)
    first = prompts.task(rng, spec.first_depth * CHARS_PER_TOKEN - prefix.chars)
    parent = _session(_Script(name, None, first, steps, helpers, 0.0), spec, prefix, rng)
    children = [
        _session(
            _Script(h.session_id, name, h.task, h.steps, [], _started_ms(steps, h)),
            spec,
            prefix,
            Random(f"{spec.seed}:{h.session_id}"),
        )
        for h in helpers
    ]
    return parent, children


def _helpers(spec: SynthesisSpec, prefix: _Prefix, number: int, parent: str) -> list[_Helper]:
    """The sub-agents of session `number`, spread over its turns."""
    count = spec.subagents // spec.sessions + (number < spec.subagents % spec.sessions)
    return [_helper(spec, prefix, f"{parent}-sub{k + 1}", k, count) for k in range(count)]


def _helper(spec: SynthesisSpec, prefix: _Prefix, name: str, k: int, count: int) -> _Helper:
    """A third of its parent's turns and growth; its task is short."""
    rng = Random(f"{spec.seed}:{name}:plan")
    turns = max(2, spec.turns // 3)
    text = prompts.task(rng, 4 * spec.reply_tokens)
    start = (prefix.chars + len(text)) // CHARS_PER_TOKEN
    growth = max((spec.depth - spec.first_depth) // 3, growth_needed(turns, spec.reply_tokens))
    steps = plan_steps(rng, turns, start, start + growth, spec.reply_tokens)
    return _Helper(name, (k + 1) * (spec.turns - 1) // (count + 1), text, steps)


def _waiting(steps: list[StepPlan], helpers: list[_Helper]) -> list[StepPlan]:
    """`steps` where the turn after a delegation waits for the slowest sub-agent."""
    waits: dict[int, float] = {}
    for helper in helpers:
        waits[helper.step + 1] = max(waits.get(helper.step + 1, 0.0), helper.busy_ms)
    return [
        replace(step, delay_ms=step.delay_ms + waits[index], asks_user=False)
        if index in waits
        else step
        for index, step in enumerate(steps)
    ]


def _starts_ms(steps: list[StepPlan]) -> list[float]:
    """When each request is sent, from the first."""
    spans = (a.busy_ms + b.delay_ms for a, b in pairwise(steps))
    return list(accumulate(spans, initial=0.0))


def _started_ms(steps: list[StepPlan], helper: _Helper) -> float:
    """A sub-agent starts as soon as its parent's reply has ended."""
    return _starts_ms(steps)[helper.step] + steps[helper.step].busy_ms


@dataclass(frozen=True, slots=True)
class _Script:
    """One session before it has any text but its first task."""

    session_id: str
    parent: str | None
    task: str
    steps: list[StepPlan]
    helpers: list[_Helper]
    start_ms: float


def _session(script: _Script, spec: SynthesisSpec, prefix: _Prefix, rng: Random) -> Session:
    agent = Agent(rng, Project(spec.seed))
    messages: tuple[Message, ...] = (prefix.system, {"role": "user", "content": script.task})
    chars = prefix.chars + message_chars(messages[1])
    starts = _starts_ms(script.steps)
    turns: list[Turn] = []
    for index, step in enumerate(script.steps):
        grown = _next_depth(script, index) * CHARS_PER_TOKEN - chars
        reply, results = _exchange(agent, script, index, grown)
        timestamp = script.start_ms + starts[index]
        turns.append(_turn(script, prefix, messages, reply, step, index, timestamp, turns))
        messages = (*messages, reply, *results)
        chars += sum(map(message_chars, (reply, *results)))
    return Session(script.session_id, tuple(turns), script.parent)


def _next_depth(script: _Script, index: int) -> int:
    following = min(index + 1, len(script.steps) - 1)
    return script.steps[following].depth_tokens


def _exchange(
    agent: Agent, script: _Script, index: int, growth_chars: int
) -> tuple[Message, list[Message]]:
    """The reply of turn `index`, and what comes before the next request."""
    tokens = script.steps[index].reply_tokens
    if index + 1 == len(script.steps):
        return agent.last(tokens), []
    tasks = [helper.task for helper in script.helpers if helper.step == index]
    if tasks:
        return agent.delegate(tasks, tokens, growth_chars)
    if script.steps[index + 1].asks_user and growth_chars < _LONGEST_QUESTION_CHARS:
        return agent.ask(tokens, growth_chars)
    return agent.step(tokens, growth_chars)


def _turn(
    script: _Script,
    prefix: _Prefix,
    messages: tuple[Message, ...],
    reply: Message,
    step: StepPlan,
    index: int,
    timestamp_ms: float,
    before: list[Turn],
) -> Turn:
    helper_starts = script.parent is not None and index == 0
    return Turn(
        session_id=script.session_id,
        index=index,
        messages=messages,
        keep=len(before[-1].messages) if before else 0,
        tools=prefix.tools,
        output_tokens=step.reply_tokens,
        timestamp_ms=timestamp_ms,
        delay_ms=step.delay_ms if before else None,
        response=reply,
        boundary=Boundary.SUBAGENT if helper_starts else None,
        fidelity=_FIDELITY,
        origin={"format": "synthetic"},
    )


def _shifted(session: Session, by_ms: float) -> Session:
    turns = tuple(replace(t, timestamp_ms=(t.timestamp_ms or 0.0) + by_ms) for t in session.turns)
    return replace(session, turns=turns)
