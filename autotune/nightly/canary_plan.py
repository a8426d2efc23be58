"""The few deep turns that a canary replays: chosen once, kept as a capture of their own.

Of the deepest sessions the last turns. The first of each brings the whole prompt and is not scored
(it primes the prefix); those after it are what an agent waits for. They are kept as the engine was
asked them, filler and all, so that the canary of another night asks byte for byte the same,
whatever becomes of the captures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from autotune.replay.plan import History, Order, PlannedTurn, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.search.judge import TurnKey
from autotune.workload.load import load_workload
from autotune.workload.model import Session, Turn
from autotune.workload.writer import write_capture

LONGEST_REPLY = 64
"""Tokens: a decode rate needs no more, and the objective's seconds are told per turn."""

FILE = "canary.jsonl.gz"


@dataclass(frozen=True, slots=True)
class CanaryTurns:
    """A plan, and which of its turns are scored."""

    plan: ReplayPlan
    scored: frozenset[TurnKey]


def choose_windows(
    plan: ReplayPlan, at_depth: Collection[TurnKey], depths: Mapping[TurnKey, int], turns: int
) -> tuple[Session, ...]:
    """Sessions of nothing but the turns to be replayed, `turns` of them scored where there are.

    The deepest sessions come first, and none gives more than half of the turns, where others have
    the rest.
    """
    by_session: dict[str, list[PlannedTurn]] = {}
    for planned in plan.turns:
        by_session.setdefault(planned.turn.session_id, []).append(planned)
    deepest = sorted(by_session, key=lambda name: -_depth(by_session[name], depths))
    rows = [(name, by_session[name]) for name in deepest]
    windows, missing = _taken(rows, at_depth, turns, ceil(turns / 2))
    return windows if missing <= 0 else _taken(rows, at_depth, turns, turns)[0]


def _taken(
    rows: Iterable[tuple[str, Sequence[PlannedTurn]]],
    at_depth: Collection[TurnKey],
    turns: int,
    most: int,
) -> tuple[tuple[Session, ...], int]:
    """The windows, with `most` scored turns each, and how many of `turns` are missing."""
    windows: list[Session] = []
    missing = turns
    for name, planned in rows:
        window = _window(planned, at_depth, min(missing, most))
        if missing <= 0 or not window:
            continue
        windows.append(_session(name, window))
        missing -= max(1, len(window) - 1)
    return tuple(windows), missing


def _depth(turns: Sequence[PlannedTurn], depths: Mapping[TurnKey, int]) -> int:
    return max(depths.get((p.turn.session_id, p.turn.index), 0) for p in turns)


def _window(
    turns: Sequence[PlannedTurn], at_depth: Collection[TurnKey], wanted: int
) -> Sequence[PlannedTurn]:
    """The last turns of a session up to its last one at depth: one to prime, and `wanted` more.

    Behind a context edit a prompt is cold, so a window does not reach over one.
    """
    ends = [n for n, p in enumerate(turns, 1) if (p.turn.session_id, p.turn.index) in at_depth]
    upto = turns[: ends[-1] if ends else 0]
    edits = [n for n, p in enumerate(upto) if p.turn.boundary is not None and n > 0]
    begin = max(edits[-1] if edits else 0, len(upto) - wanted - 1)
    return upto[begin:]


def _session(name: str, window: Sequence[PlannedTurn]) -> Session:
    """The turns as a session that begins in its middle, with the replies' lengths pinned."""
    return Session(name, tuple(_pinned(p, first=at == 0) for at, p in enumerate(window)))


def _pinned(planned: PlannedTurn, *, first: bool) -> Turn:
    tokens = min(planned.output_tokens, LONGEST_REPLY)
    keep = 0 if first else planned.turn.keep
    return replace(planned.turn, output_tokens=tokens, keep=keep, boundary=None)


def write_windows(sessions: Sequence[Session], path: Path) -> None:
    """The capture that `read_canary` reads. Raises `UserError` when it cannot be written."""
    write_capture(sessions, path, force=True)


def read_canary(path: Path, history: History) -> CanaryTurns:
    """The plan of a kept capture: session after session. Raises `UserError` when it is not there.

    A session of one turn has nothing that primes it: then that turn is scored.
    """
    workload = load_workload(path)
    plan = make_plan(
        workload,
        history=history,
        order=Order.SEQUENTIAL,
        concurrency=1,
        max_output_tokens=LONGEST_REPLY,
        default_output_tokens=LONGEST_REPLY,
    )
    scored = {
        (turn.session_id, turn.index)
        for session in workload.sessions
        for turn in (session.turns[1:] or session.turns)
    }
    return CanaryTurns(plan, frozenset(scored))
