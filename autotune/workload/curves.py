"""The turns of the deepest sessions, one by one: what a plot of a workload shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from autotune.workload.breaks import Break
from autotune.workload.depth import Depth
from autotune.workload.model import Session, Turn
from autotune.workload.reuse import TurnReuse

EDITS = frozenset({Break.COMPACTION, Break.CONTEXT_EDIT})
"""Breaks that an agent makes on purpose; the others are accidents."""


@dataclass(frozen=True, slots=True)
class Point:
    """One turn. Tokens; `estimated` depths come from characters. Absent is ``None``.

    `reusable` is what the prompt shares with the one before, `cached` what the server is on record
    to have reused, `cause` what made the first difference to the prompt before.
    """

    turn: int
    depth: int
    estimated: bool
    reusable: int
    cached: int | None = None
    ttft_s: float | None = None
    cause: Break | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One session, turn by turn."""

    session_id: str
    parent: str | None
    points: tuple[Point, ...]

    @property
    def deepest(self) -> int:
        """Tokens of the deepest prompt."""
        return max(point.depth for point in self.points)


@dataclass(slots=True)
class Curves:
    """Watches an inspection and keeps `limit` sessions; of the others only their count.

    The deepest are kept, and of single prompts only what there is room for: they have no course.
    Memory is bounded by that many sessions' numbers.
    """

    limit: int
    left_out: int = 0
    _kept: list[tuple[int, Curve]] = field(default_factory=list)
    _seen: int = 0

    def __call__(
        self, session: Session, depths: Sequence[Depth], reuse: Sequence[TurnReuse]
    ) -> None:
        """Take in one session."""
        points = tuple(map(_point, session.turns, depths, reuse))
        self._kept.append((self._seen, Curve(session.session_id, session.parent, points)))
        self._seen += 1
        if len(self._kept) > self.limit:
            self._kept.remove(min(self._kept, key=_worth))
            self.left_out += 1

    def kept(self) -> tuple[Curve, ...]:
        """Those that were kept, in the order in which they came."""
        return tuple(curve for _, curve in self._kept)


def _worth(item: tuple[int, Curve]) -> tuple[bool, int, int]:
    """What is plotted rather: a course, then depth, then what came first."""
    place, curve = item
    return len(curve.points) > 1, curve.deepest, -place


def _point(turn: Turn, depth: Depth, reuse: TurnReuse) -> Point:
    recorded = turn.recorded
    return Point(
        turn=turn.index,
        depth=depth.tokens,
        estimated=depth.estimated,
        reusable=round(reuse.tokens),
        cached=recorded.cached_tokens,
        ttft_s=None if recorded.ttft_ms is None else recorded.ttft_ms / 1000,
        cause=reuse.cause,
    )
