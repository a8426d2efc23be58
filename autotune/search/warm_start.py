"""What earlier studies know that this one may begin with: configs to try, and effects to expect.

Never trusted blindly. A config of an earlier study is a trial like any other, raced against the
best and counted; no more than `MOST_SHARE` of the budget goes into them (`allowed`). What earlier
trials say of the flags enters the surrogate with a correlation below 1, and only as far as the
trials of this study bear it out (`additive.fit_known`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.search.ledger import Ledger
from autotune.search.planned import FROM_STUDY, Planned
from autotune.search.space import Space, to_settings
from autotune.search.suggest import active_values
from autotune.search.surrogate import Point

MOST_SHARE = 0.1
"""Of the budget, by seconds or by trials, for configs of earlier studies; the first is always
tried, and stopped early when it is slower."""

MOST_CONFIGS = 3
"""Configs of earlier studies that are tried at all, however large the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierStudy:
    """A finished study of the same engine. `likeness` is from 0 (nothing in common) to 1.

    `same` says in words what it shares with this one; `configs` are its best, best first; `points`
    its trials, as log times against its own default.
    """

    name: str
    likeness: float
    same: str
    configs: tuple[Mapping[str, Setting], ...]
    points: tuple[Point, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``warm_start.json``."""
        rows = [[dict(p.values), p.log_time, p.error] for p in self.points]
        return {
            "study": self.name, "likeness": self.likeness, "same": self.same,
            "configs": [dict(c) for c in self.configs], "points": rows,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EarlierStudy:
        """Back from `to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        return cls(
            name=str(data["study"]), likeness=float(data["likeness"]), same=str(data["same"]),
            configs=tuple(dict(c) for c in data["configs"]),
            points=tuple(Point(dict(v), float(t), float(e)) for v, t, e in data["points"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Earlier studies, the likest first; none for a cold start."""

    studies: tuple[EarlierStudy, ...] = ()

    @property
    def likeness(self) -> dict[int, float]:
        """By the number that each has among the points, from 1."""
        return {at: study.likeness for at, study in enumerate(self.studies, start=1)}

    @property
    def points(self) -> list[Point]:
        """Every earlier trial, each of its study's number."""
        return [
            Point(p.values, p.log_time, p.error, study=at)
            for at, study in enumerate(self.studies, start=1)
            for p in study.points
        ]

    def planned(self, space: Space, ledger: Ledger, allowed: int) -> Planned | None:
        """The next config of an earlier study to try; ``None`` when enough were, or none is new.

        The best of each study first, then the second best of each.
        """
        tried = sum(entry.label.startswith(FROM_STUDY) for entry in ledger.measured)
        if tried >= min(allowed, MOST_CONFIGS):
            return None
        for study, config in self._in_turn():
            values = active_values(space, known_values(space, config))
            key = Candidate(to_settings(space, values)).key
            if ledger.find(key) is None:
                return Planned(values, f"{FROM_STUDY}{study.name}")
        return None

    def _in_turn(self) -> list[tuple[EarlierStudy, Mapping[str, Setting]]]:
        longest = max((len(study.configs) for study in self.studies), default=0)
        return [
            (study, study.configs[place])
            for place in range(longest)
            for study in self.studies
            if place < len(study.configs)
        ]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said on screen; nothing for a cold start."""
        if not self.studies:
            return ()
        told = "; ".join(f"{s.name} ({s.same}; {len(s.points)} trials)" for s in self.studies)
        return (
            f"warm start from {told}: at most a tenth of the budget tries what won there "
            "(--no-warm-start leaves it out)",
        )


COLD = WarmStart()


def known_values(space: Space, values: Mapping[str, Setting]) -> dict[str, Setting]:
    """Those of `values` that this space has a choice for."""
    choices = {p.name: p.choices for p in space.parameters}
    return {n: v for n, v in values.items() if n in choices and v in choices[n]}


def allowed(limit_s: float | None, trials: int | None, typical_s: float) -> int:
    """How many configs of earlier studies may be tried: `MOST_SHARE` of the budget, at least one.

    `typical_s` is what a trial takes.
    """
    most = [float(MOST_CONFIGS)]
    if limit_s is not None and typical_s > 0:
        most.append(MOST_SHARE * limit_s / typical_s)
    if trials is not None:
        most.append(MOST_SHARE * trials)
    return max(1, int(min(most)))
