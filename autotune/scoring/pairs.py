"""The same turn under two arms, laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from autotune.records import TurnRecord
from autotune.scoring.metrics import NoMetricValue

PairKey = tuple[str, int, int]
"""Session, block, turn index: the order in which pairs are kept."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One turn, measured once under each arm."""

    default: TurnRecord
    candidate: TurnRecord

    @property
    def session_id(self) -> str:
        """The session of the turn."""
        return self.default.session_id

    @property
    def unit(self) -> tuple[str, int]:
        """Session and block: one run of that session under each arm."""
        return self.default.session_id, self.default.block


def pair_turns(
    default: Sequence[TurnRecord], candidate: Sequence[TurnRecord]
) -> tuple[tuple[Pair, ...], int]:
    """Pairs by (block, session, turn), sorted, and how many records found no partner.

    Raises `NoMetricValue` when a turn failed or was measured twice: a comparison that leaves out
    what went wrong would flatter the arm in which it did.
    """
    left, right = _by_key(default), _by_key(candidate)
    shared = sorted(left.keys() & right.keys())
    lonely = len(left.keys() ^ right.keys())
    return tuple(Pair(left[key], right[key]) for key in shared), lonely


def at_depth(
    pairs: Sequence[Pair], chosen: Callable[[TurnRecord], bool] | None
) -> tuple[Pair, ...]:
    """The pairs the objective looks at, by the default arm's record.

    Those behind a context edit are among them only where there are no others, as in a score.
    """
    named = tuple(pair for pair in pairs if chosen is None or chosen(pair.default))
    return tuple(pair for pair in named if pair.default.boundary is None) or named


def by_keys(keys: Collection[tuple[str, int]]) -> Callable[[TurnRecord], bool]:
    """Choose the turns that (session, turn) names."""
    return lambda record: (record.session_id, record.turn) in keys


def _by_key(records: Sequence[TurnRecord]) -> dict[PairKey, TurnRecord]:
    found: dict[PairKey, TurnRecord] = {}
    for record in records:
        where = f"session {record.session_id} turn {record.turn} of {record.arm}"
        if not record.ok:
            raise NoMetricValue(f"{where} failed ({record.failure}): the arms cannot be compared")
        key = (record.session_id, record.block, record.turn)
        if key in found:
            raise NoMetricValue(f"{where} was measured twice in block {record.block}")
        found[key] = record
    return found
