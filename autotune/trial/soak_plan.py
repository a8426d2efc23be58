"""What a config is filled with before it is recommended: how deep, and how many sessions.

Booting is not holding: an engine reserves its caches and runs out of memory when they are filled,
or after some sessions. So the workload's deepest session is replayed turn by turn to its deepest
turn, continued with filler until the headroom is full as well, and then whole sessions follow on
the same server, each under a mark of its own, so that nothing is reused from those before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, pairwise
from math import ceil
from statistics import median

from autotune.replay.plan import History, PlannedTurn, ReplayPlan

SHORT_REPLY_TOKENS = 32
"""Filling is prefill: a long reply costs time and fills little."""

SESSIONS = 4
"""Sessions one after the other: one that fills, and three whose turns tell growth from first use.
With fewer there are not two at the same depth to be compared."""

MOST_STEPS = 6
"""Filler turns that the headroom is spread over, at most."""

ROOM_TOKENS = 64
"""Left between a prompt with its reply and the end of the context."""

TurnKey = tuple[str, int]
"""Session and index of a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakPlan:
    """What is replayed on one server. Tokens are prompt tokens as the engine counts them.

    Attributes:
        fill: the session with the deepest turn, up to that turn.
        rounds: whole sessions that follow, as many at once as the study replays at once.
        depths: of every turn, as it was counted for a trial.
        deepest_tokens: the workload's deepest turn.
        wanted_tokens: that with the headroom.
        context_tokens: of one slot; ``None`` where it is not known.
        steps: filler turns that the headroom is spread over, after a short one that shows what a
            word costs.
    """

    fill: ReplayPlan
    rounds: tuple[ReplayPlan, ...]
    depths: Mapping[TurnKey, int]
    deepest_tokens: int
    wanted_tokens: int
    context_tokens: int | None
    steps: int

    @property
    def target_tokens(self) -> int:
        """How deep it is filled: as deep as wanted, or as the context takes with a reply."""
        if self.context_tokens is None:
            return self.wanted_tokens
        return min(self.wanted_tokens, self.context_tokens - SHORT_REPLY_TOKENS - ROOM_TOKENS)

    @property
    def turns(self) -> int:
        """Turns, about: of filler there may be one more or less."""
        return len(self.fill.turns) + self.steps + 1 + sum(len(r.turns) for r in self.rounds)


def plan_soak(
    turns: Iterable[PlannedTurn],
    depths: Mapping[TurnKey, int],
    *,
    history: History,
    concurrency: int,
    headroom: float,
    context_tokens: int | None,
    sessions: int = SESSIONS,
) -> SoakPlan:
    """The soak over `turns`, all that a study replays, in its order; `headroom` is a share.

    Sessions follow each other from the deepest to the shallowest and around again.
    Raises ``ValueError`` without turns.
    """
    by_session: dict[str, list[PlannedTurn]] = {}
    for planned in turns:
        by_session.setdefault(planned.turn.session_id, []).append(planned)
    if not by_session:
        raise ValueError("a soak of no turns")
    deepest = {name: max(depths[_key(p)] for p in own) for name, own in by_session.items()}
    ranked = sorted(by_session, key=lambda name: -deepest[name])
    first = by_session[ranked[0]]
    most = deepest[ranked[0]]
    wanted = ceil(most * (1 + headroom))
    return SoakPlan(
        fill=_plan(_until(first, depths, most), history, 1),
        rounds=tuple(_rounds(by_session, ranked, history, concurrency, sessions - 1)),
        depths=depths,
        deepest_tokens=most,
        wanted_tokens=wanted,
        context_tokens=context_tokens,
        steps=_steps(first, depths, wanted - most),
    )


def _key(planned: PlannedTurn) -> TurnKey:
    return planned.turn.session_id, planned.turn.index


def _until(
    own: Sequence[PlannedTurn], depths: Mapping[TurnKey, int], most: int
) -> list[PlannedTurn]:
    last = next(at for at, planned in enumerate(own) if depths[_key(planned)] == most)
    return list(own[: last + 1])


def _rounds(
    by_session: Mapping[str, Sequence[PlannedTurn]],
    ranked: Sequence[str],
    history: History,
    concurrency: int,
    count: int,
) -> Iterable[ReplayPlan]:
    """`count` rounds of `concurrency` sessions each, going around the sessions again and again."""
    at_once = min(concurrency, len(ranked))
    following = islice(cycle(ranked), 1 % len(ranked), None)
    for _ in range(count):
        chosen = list(islice(following, at_once))
        rows = [planned for name in chosen for planned in by_session[name]]
        yield _plan(sorted(rows, key=lambda p: p.order), history, at_once)


def _plan(rows: Iterable[PlannedTurn], history: History, concurrency: int) -> ReplayPlan:
    """These turns with short replies, numbered anew."""
    short = tuple(
        replace(p, order=at, output_tokens=min(p.output_tokens, SHORT_REPLY_TOKENS))
        for at, p in enumerate(rows)
    )
    return ReplayPlan(short, history, concurrency, digest="")


def _steps(own: Sequence[PlannedTurn], depths: Mapping[TurnKey, int], extra: int) -> int:
    """How many turns of this session's usual growth the headroom is worth."""
    growth = [depths[_key(b)] - depths[_key(a)] for a, b in pairwise(own)]
    usual = median([g for g in growth if g > 0] or [extra or 1])
    return max(1, min(MOST_STEPS, ceil(extra / usual)))
