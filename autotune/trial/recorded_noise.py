"""Noise as a recording shows it, so that a second look is never the first one again.

It is fitted on runs of one configuration, measured again and again between the others. Turn by
turn, each run is laid beside the median of all: the mean log-ratio of its turns is the run's own
shift (a busy minute, a clock), what is left is the turn's. Neither is taken for normal: both are
drawn from what was seen, tails and all, widened by ``sqrt(n / (n - 1))`` for the centre that was
worked out from the same runs.

**Bursts** come on top where they are asked for: somebody else takes the machine for some turns in a
row, and everything takes `Bursts.factor` times as long. Nothing marks those turns.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from autotune.records import TurnRecord
from autotune.trial.recorded_part import TurnKey, record_key
from autotune.trial.recorded_turn import slower

LEAST_RUNS = 3
"""Fewer runs of one configuration say too little of how they differ."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """Turns in which everything takes `factor` times as long: `share` of all, `turns` in a row.

    The length is the mean of a geometric distribution, so that where a burst is in the plan says
    nothing of where it ends.
    """

    factor: float = 10.0
    share: float = 0.05
    turns: float = 2.0

    def over(self, count: int, rng: random.Random) -> Iterator[float]:
        """One factor a turn, for `count` turns of one replay."""
        ends = 1.0 / self.turns
        begins = ends * self.share / (1.0 - self.share)
        inside = rng.random() < self.share
        for _ in range(count):
            yield self.factor if inside else 1.0
            inside = rng.random() >= ends if inside else rng.random() < begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What a run and a turn may differ by, as log-ratios of seconds.

    Attributes:
        runs: shifts of whole runs.
        turns: of single turns: of the time to the first token, and of each token after it.
        bursts: ``None`` for none.
    """

    runs: tuple[float, ...]
    turns: tuple[tuple[float, float], ...]
    bursts: Bursts | None = None

    def with_bursts(self, bursts: Bursts | None) -> Noise:
        """The same with other bursts."""
        return replace(self, bursts=bursts)

    def over(self, records: Sequence[TurnRecord], rng: random.Random) -> tuple[TurnRecord, ...]:
        """`records` as another replay might have told them."""
        shift = rng.choice(self.runs)
        slow = self.bursts.over(len(records), rng) if self.bursts else iter([1.0] * len(records))
        return tuple(self._turn(r, shift, f, rng) for r, f in zip(records, slow, strict=True))

    def _turn(
        self, record: TurnRecord, shift: float, factor: float, rng: random.Random
    ) -> TurnRecord:
        first, decoding = rng.choice(self.turns)
        return slower(record, factor * math.exp(shift + first), factor * math.exp(shift + decoding))


def fit_noise(runs: Sequence[Sequence[TurnRecord]]) -> Noise | None:
    """The noise in `runs` of one configuration; ``None`` for fewer than `LEAST_RUNS`.

    Only good turns count that at least `LEAST_RUNS` of them have.
    """
    tables = [_log_seconds(run) for run in runs]
    shared = _centres(tables)
    ratios = [_from_centre(table, shared) for table in tables]
    told = [rows for rows in ratios if rows]
    if len(told) < LEAST_RUNS:
        return None
    wider = math.sqrt(len(told) / (len(told) - 1))
    shifts = [fmean([(a + b) / 2 for a, b in rows]) for rows in told]
    middle = fmean(shifts)
    turns = [
        (wider * (a - shift), wider * (b - shift))
        for rows, shift in zip(told, shifts, strict=True)
        for a, b in rows
    ]
    return Noise(runs=tuple(wider * (s - middle) for s in shifts), turns=tuple(turns))


_Logs = dict[TurnKey, tuple[float, float]]


def _log_seconds(run: Sequence[TurnRecord]) -> _Logs:
    """Logs of seconds to the first token and for each after it, by turn."""
    return {
        record_key(r): (math.log(r.ttft_s), -math.log(r.decode_tps))
        for r in run
        if r.ok and r.ttft_s and r.decode_tps
    }


def _centres(tables: Sequence[_Logs]) -> _Logs:
    by_key: dict[TurnKey, list[tuple[float, float]]] = {}
    for table in tables:
        for key, logs in table.items():
            by_key.setdefault(key, []).append(logs)
    return {
        key: (median(a for a, _ in rows), median(b for _, b in rows))
        for key, rows in by_key.items()
        if len(rows) >= LEAST_RUNS
    }


def _from_centre(table: _Logs, centres: _Logs) -> list[tuple[float, float]]:
    shared = [key for key in table if key in centres]
    return [(table[k][0] - centres[k][0], table[k][1] - centres[k][1]) for k in shared]
