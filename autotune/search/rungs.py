"""The rungs of a study: what a candidate is asked before all of the plan is spent on it.

``deep`` is asked ahead of the plan, on the same server: a few windows of the plan at the scored
depth, each begun in the middle of its sessions. The first turn that a window has of a session
primes its prefix and is not scored; the turns after it are, with short replies. Every turn of the
plan that lies in a window is replayed, those of other sessions too, so sessions evict each other
there as they do in the plan. ``sessions`` is the beginning of the plan, as far as it takes to hear
more than one session. ``whole`` is the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autotune.replay.nonce import with_nonce
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.replay.planning import part, replan
from autotune.search.judge import TurnKey
from autotune.search.rung_windows import SCORED, SHORT_REPLY, TurnCosts, chosen_windows, key_of
from autotune.workload.model import Message

DEEP, SESSIONS, WHOLE = "deep", "sessions", "whole"

SESSIONS_SHARE = 1 / 3
"""Of the scored turns of the plan, where the rung of sessions ends."""

MOST_SHARE = 0.75
"""Of the plan's cost: to be left later than this saves too little for what a rung may err."""

MARK = "deep"
"""Stands before the system prompt there: two prompts that differ so early share no cache."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung.

    Attributes:
        name: ``deep``, ``sessions`` or ``whole``.
        plan: what is replayed of it. A rung that is not `ahead` is how the whole plan begins.
        share: what it costs over what the whole plan costs, without the launch, by tokens.
        scored: its turns whose times are compared, (session, index) as `plan` names them.
        reply_tokens: of each scored turn, the length of the reply that it stands for.
        ahead: whether it is asked before the plan, on turns of its own.
    """

    name: str
    plan: ReplayPlan
    share: float
    scored: frozenset[TurnKey] = frozenset()
    reply_tokens: Mapping[TurnKey, int] = field(default_factory=dict)
    ahead: bool = False


def rungs_of(
    plan: ReplayPlan,
    at_depth: Collection[TurnKey] | None = None,
    depths: Mapping[TurnKey, int] | None = None,
) -> tuple[Rung, ...]:
    """The rungs under `plan`, cheapest first; the last is ``whole``.

    `at_depth` are the turns that are scored (all of them when ``None``), `depths` the prompt tokens
    of each turn, where they are known. A rung that the plan is too small for is left out.
    """
    costs = TurnCosts(plan, depths)
    scored = _scored(plan, at_depth)
    found = (_deep(plan, scored, costs), _sessions(plan, scored, costs))
    keys = frozenset(key_of(p) for p in scored)
    whole = Rung(WHOLE, plan, 1.0, keys, {key_of(p): p.output_tokens for p in scored})
    return (*(rung for rung in found if rung is not None), whole)


def rung_session(session_id: str, rung: str = DEEP) -> str:
    """What a session is called in a rung ahead of the plan: a session of its own to the engine."""
    return f"{session_id}~{rung}"


def _scored(plan: ReplayPlan, at_depth: Collection[TurnKey] | None) -> list[PlannedTurn]:
    """Turns of `plan` that a score rests on: behind a context edit a turn is scored apart."""
    named = [p for p in plan.turns if at_depth is None or key_of(p) in at_depth]
    return [p for p in named if p.turn.boundary is None]


def _deep(plan: ReplayPlan, scored: Sequence[PlannedTurn], costs: TurnCosts) -> Rung | None:
    windows = chosen_windows(scored, costs)
    if not windows:
        return None
    places = [at for window in windows for at in range(window.first, window.end)]
    turns = [*_apart(plan.turns[at] for at in places)]
    heard = [plan.turns[at] for window in windows for at in window.scored]
    replies = {(rung_session(p.turn.session_id), p.turn.index): p.output_tokens for p in heard}
    cost = sum(window.cost for window in windows)
    return Rung(
        DEEP,
        replan(turns, plan),
        cost / costs.beginning(len(plan.turns)),
        frozenset(replies),
        replies,
        ahead=True,
    )


def _apart(turns: Iterable[PlannedTurn]) -> Iterator[PlannedTurn]:
    """The turns as sessions of the rung, with short replies.

    A mark at the front of every prompt keeps the plan from finding them in a cache. A first turn
    has none before it.
    """
    begun: set[str] = set()
    fronts: dict[int, tuple[Message, ...]] = {}
    for planned in turns:
        turn = planned.turn
        name = rung_session(turn.session_id)
        messages = _marked(turn.messages, fronts)
        added = len(messages) - len(turn.messages)
        keep = turn.keep + added if name in begun and turn.keep else 0
        begun.add(name)
        turn = replace(turn, session_id=name, keep=keep, messages=messages)
        yield PlannedTurn(planned.order, turn, min(planned.output_tokens, SHORT_REPLY))


def _marked(
    messages: tuple[Message, ...], fronts: dict[int, tuple[Message, ...]]
) -> tuple[Message, ...]:
    """`messages` under the mark. Turns that share their first message share its marked form."""
    first = messages[:1]
    front = fronts.setdefault(id(messages[0]) if messages else 0, with_nonce(first, MARK))
    return (*front, *messages[1:])


def _sessions(plan: ReplayPlan, scored: Sequence[PlannedTurn], costs: TurnCosts) -> Rung | None:
    """The plan up to where a third of the scored turns of two sessions or more are heard."""
    needed = max(SCORED, SESSIONS_SHARE * len(scored))
    several = min(2, len({p.turn.session_id for p in scored}))
    for count in range(1, len(scored)):
        heard = scored[:count]
        if count >= needed and len({p.turn.session_id for p in heard}) >= several:
            end = heard[-1].order + 1
            begun = part(plan, [key_of(p) for p in plan.turns[:end]])
            share = costs.beginning(end) / costs.beginning(len(plan.turns))
            replies = {key_of(p): p.output_tokens for p in heard}
            rung = Rung(SESSIONS, begun, share, frozenset(replies), replies)
            return rung if share <= MOST_SHARE else None
    return None
