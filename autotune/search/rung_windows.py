"""Where a rung ahead of the plan looks: windows of the plan at depth, and what turns cost.

A window is a stretch of the plan, every turn in it, whosever session it is of: sessions evict each
other there as they do in the plan.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.search.judge import TurnKey
from autotune.workload.prefix import canonical

WINDOWS = 2
"""Priming a prefix is what a deep rung costs, and one session alone speaks for itself only."""

SCORED = 8
"""Turns that a deep rung scores: the race asks for six pairs, and one may be disturbed."""

SHORT_REPLY = 32
"""Tokens of a reply there: enough for a decode rate, which is all that a longer one would add."""

REPLY_WEIGHT = 20.0
"""What generating a token costs, in tokens prefilled, before anything is measured: between 10 (a
processor) and 50 (a large card)."""

EVICTED = 0.5
"""How much of its prefix a session is supposed to have lost after a turn of another one: nothing
where caches hold all sessions, all of it where there is one slot."""

NEAR = log(1.25)
"""How far a window's depth may lie from the middle of the scored depth, as a log-ratio, to be as
good as any: the cheapest of those is taken."""

NEAR_SWITCHES = 0.15
"""How far its share of turns right after another session's may be from the plan's: one of eight."""

ALONE = 1.5
"""How much dearer two windows may be than one, for hearing another session."""

UNLIKE = 2.0
"""What it may cost more to be more like the plan: for 0.1 less of `Window.off`, a fifth."""

CHARACTERS_A_TOKEN = 4.0


def key_of(planned: PlannedTurn) -> TurnKey:
    """How a turn is named everywhere: its session and its index in it."""
    return planned.turn.session_id, planned.turn.index


def is_switch(turns: Sequence[PlannedTurn], at: int) -> bool:
    """Whether the turn at `at` comes right after one of another session."""
    return at > 0 and _session(turns[at - 1]) != _session(turns[at])


def _session(planned: PlannedTurn) -> str:
    return planned.turn.session_id


class TurnCosts:
    """What turns cost by their tokens, in tokens prefilled. Order is the plan's."""

    def __init__(self, plan: ReplayPlan, depths: Mapping[TurnKey, int] | None) -> None:
        self.plan = plan
        self._lengths: dict[int, int] = {}
        known = depths or {}
        self.depths = [float(known.get(key_of(p)) or self._guess(p)) for p in plan.turns]
        self.fresh = self._fresh(plan)

    def _guess(self, planned: PlannedTurn) -> float:
        turn = planned.turn
        if turn.recorded.prompt_tokens:
            return float(turn.recorded.prompt_tokens)
        return sum(self._length(m) for m in turn.messages) / CHARACTERS_A_TOKEN

    def _length(self, message: Mapping[str, object]) -> int:
        if id(message) not in self._lengths:
            self._lengths[id(message)] = len(canonical(message))
        return self._lengths[id(message)]

    def _fresh(self, plan: ReplayPlan) -> list[float]:
        """Prompt tokens of each turn that its session did not have before, or has lost."""
        last: dict[str, float] = {}
        found = []
        for at, (planned, depth) in enumerate(zip(plan.turns, self.depths, strict=True)):
            before = last.get(planned.turn.session_id, 0.0)
            cut = planned.turn.boundary is not None or depth < before
            kept = 0.0 if cut else before * (1.0 - EVICTED * is_switch(plan.turns, at))
            found.append(depth - kept)
            last[planned.turn.session_id] = depth
        return found

    def beginning(self, end: int) -> float:
        """Turns of the plan before `end`."""
        turns = zip(self.fresh[:end], self.plan.turns[:end], strict=True)
        return sum(fresh + REPLY_WEIGHT * p.output_tokens for fresh, p in turns)

    def window(self, first: int, end: int) -> float:
        """Turns `first` to before `end` with short replies, each session primed by its first."""
        seen: set[str] = set()
        total = 0.0
        for at in range(first, end):
            planned = self.plan.turns[at]
            is_first = planned.turn.session_id not in seen
            seen.add(planned.turn.session_id)
            prompt = self.depths[at] if is_first else self.fresh[at]
            total += prompt + REPLY_WEIGHT * min(planned.output_tokens, SHORT_REPLY)
        return total


@dataclass(frozen=True, slots=True)
class Window:
    """Turns `first` to before `end` of a plan.

    `scored` are places in it, `sessions` all that have a turn in it. `off` is how unlike the plan's
    scored turns its own are, `cost` is in tokens prefilled.
    """

    first: int
    end: int
    scored: tuple[int, ...]
    sessions: frozenset[str]
    off: float
    cost: float

    @property
    def dear(self) -> float:
        """Its cost, and more of it the less it is like the plan."""
        return self.cost * (1.0 + UNLIKE * self.off)

    def meets(self, other: Window) -> bool:
        """Whether the two share a session: then one is no second opinion on the other."""
        return bool(self.sessions & other.sessions)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the scored turns of a plan are like: their depth in the middle, and the share of them
    that come right after a turn of another session, which is when caches are put to the test."""

    depth: float
    switches: float

    @classmethod
    def of(cls, costs: TurnCosts, places: Sequence[int]) -> Likeness:
        """Of the turns at `places`; there is at least one."""
        after = [is_switch(costs.plan.turns, at) for at in places]
        depth = statistics.median(costs.depths[at] for at in places)
        return cls(depth, sum(after) / len(places))

    def off(self, other: Likeness) -> float:
        """How unlike the two are: 0 for depths and switches that are near enough."""
        apart = abs(log(max(self.depth, 1.0) / max(other.depth, 1.0)))
        missed = abs(self.switches - other.switches)
        return max(0.0, apart - NEAR) + max(0.0, missed - NEAR_SWITCHES)


def chosen_windows(scored: Sequence[PlannedTurn], costs: TurnCosts) -> Sequence[Window]:
    """Windows of different sessions, or one long one; in the order of the plan.

    Whichever is the better bargain; of those that are equal, the more windows.
    """
    found = [_apart(scored, costs, count) for count in range(WINDOWS, 0, -1)]
    full = [windows for windows in found if windows]
    return min(full, key=_price, default=())


def _price(windows: Sequence[Window]) -> float:
    """What they cost; one alone is no second opinion on anything."""
    return sum(w.dear for w in windows) * (1.0 if len(windows) > 1 else ALONE)


def _apart(scored: Sequence[PlannedTurn], costs: TurnCosts, count: int) -> Sequence[Window]:
    """`count` windows that share no session; none where the plan has not so many."""
    found: list[Window] = []
    for window in _windows(scored, costs, SCORED // count):
        if not any(window.meets(other) for other in found):
            found.append(window)
        if len(found) == count:
            return sorted(found, key=lambda w: w.first)
    return ()


def _windows(scored: Sequence[PlannedTurn], costs: TurnCosts, wanted: int) -> list[Window]:
    """Every window with `wanted` scored turns, the best bargain first."""
    places = {p.order for p in scored}
    if not places:
        return []
    like = Likeness.of(costs, sorted(places))
    found = [_window(places, costs, wanted, at, like) for at in range(len(costs.depths))]
    full = [window for window in found if window is not None]
    return sorted(full, key=lambda w: w.dear)


def _window(
    places: set[int], costs: TurnCosts, wanted: int, first: int, like: Likeness
) -> Window | None:
    """The window that begins at `first`; ``None`` where the plan ends before it is full."""
    turns, heard = costs.plan.turns, list[int]()
    for at in _after_priming(turns, first):
        if at in places:
            heard.append(at)
        if len(heard) == wanted:
            return Window(
                first=first,
                end=at + 1,
                scored=tuple(heard),
                sessions=frozenset(map(_session, turns[first : at + 1])),
                off=like.off(Likeness.of(costs, heard)),
                cost=costs.window(first, at + 1),
            )
    return None


def _after_priming(turns: Sequence[PlannedTurn], first: int) -> Iterator[int]:
    """Places from `first` on whose session has had a turn since."""
    seen: set[str] = set()
    for at in range(first, len(turns)):
        if _session(turns[at]) in seen:
            yield at
        seen.add(_session(turns[at]))
