"""What one trial showed on one rung: kept with the trial, so that a study that goes on knows it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations_with_replacement
from typing import Any

from autotune.search.ledger import Entry

PROMOTED, DROPPED, CHECKED, LOST, FREE = "promoted", "dropped", "checked", "lost", "free"
BEYOND = "beyond"
"""How a rung ended: gone on, not gone on, gone on although it would not have (to see whether the
rung was right), lost to the best before its end, nothing decided (the default, a second look), and
gone on because it may gain by what no rung shows (`pressure`)."""

LEAST_PAIRS = 4
"""Fewer turns in common than this say nothing of two configs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RungLook:
    """One trial on one rung.

    Attributes:
        rung: its name.
        turns: the objective's seconds of each scored turn that nobody disturbed, by
            ``session/index``, a reply reckoned at its whole length.
        seconds: engine-seconds it took beside the plan; 0 for a rung that is part of the plan.
        verdict: one of `PROMOTED`, `DROPPED`, `CHECKED`, `LOST`, `FREE`, `BEYOND`.
        shift: the log of its time over the best one's, as it was then; ``None`` where too few
            turns pair.
    """

    rung: str
    turns: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    verdict: str = FREE
    shift: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "turns": dict(self.turns)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RungLook:
        """Back from `to_json`."""
        return cls(**data)

    @property
    def value_s(self) -> float | None:
        """The geometric mean of its turns, in seconds; ``None`` without any."""
        logs = [math.log(s) for s in self.turns.values() if s > 0]
        return math.exp(statistics.fmean(logs)) if logs else None


def look_on(entry: Entry, rung: str) -> RungLook | None:
    """What the trial of `entry` showed on `rung`; ``None`` where it was not asked."""
    found = (RungLook.from_json(data) for data in entry.rungs)
    return next((look for look in found if look.rung == rung), None)


def shift_between(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """The log of `one`'s time over `other`'s, over the turns that both have.

    Hodges and Lehmann's estimate (the median of all pairwise means of the log-ratios): what the
    Wilcoxon test is a test of, and as little moved by one odd turn as a median. ``None`` for fewer
    than `LEAST_PAIRS` turns.
    """
    both = one.keys() & other.keys()
    ratios = [math.log(one[k] / other[k]) for k in both if one[k] > 0 and other[k] > 0]
    return None if len(ratios) < LEAST_PAIRS else middle_of(ratios)


def middle_of(ratios: Sequence[float]) -> float:
    """The median of all pairwise means, each with itself too."""
    pairs = combinations_with_replacement(ratios, 2)
    return statistics.median((a + b) / 2 for a, b in pairs)


def ahead_s(entries: Iterable[Entry]) -> float:
    """Engine-seconds that rungs beside the plan took."""
    return sum(float(data["seconds"]) for entry in entries for data in entry.rungs)
