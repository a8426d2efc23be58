"""What the arms showed: each against the baseline, over all turns and by depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autotune.paths.measure import OTHER_PROVIDER, RETRIED
from autotune.records import TurnRecord
from autotune.scoring.buckets import ALL_TURNS
from autotune.scoring.comparison import ByTurn, Floor
from autotune.scoring.contaminated import contaminated
from autotune.scoring.interval import compare
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.noise import LEAST_RUN_PAIRS, assumed_floor, noise_floor
from autotune.scoring.objective import Objective
from autotune.scoring.verdict import MetricVerdict, verdicts
from autotune.search.judge import TurnKey
from autotune.workload.depth import DepthBuckets, DepthRange

APART = frozenset({RETRIED, OTHER_PROVIDER})
"""Marks of turns that were not served as the others were."""

BUCKET_METRICS = ("ttft", "decode")
"""By depth only what a turn has of its own: waiting is summed over all of them."""


@dataclass(frozen=True, slots=True)
class ArmVerdict:
    """One arm against the baseline on one metric, in one range of depths or in all.

    `by_turn` says the same by the ratios of single turns, where any has one.
    """

    arm: str
    baseline: str
    depth: str
    said: MetricVerdict
    by_turn: ByTurn | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = asdict(self.said)
        return {
            "arm": self.arm,
            "baseline": self.baseline,
            "depth": self.depth,
            **told,
            "verdict": self.said.verdict.value,
            "by_turn": None if self.by_turn is None else asdict(self.by_turn),
        }


@dataclass(frozen=True, slots=True)
class Judging:
    """How arms are compared: which turn is how deep, and the seed of the bootstrap.

    With `depth` the verdict over all turns is one over those in that range.
    """

    depths: Mapping[TurnKey, int]
    seed: int = 0
    depth: DepthRange | None = None

    def overall(self, records: Mapping[str, Sequence[TurnRecord]]) -> list[ArmVerdict]:
        """Every arm but the first against the first, over all turns or those asked for."""
        if self.depth is None:
            return list(self._rows(records, None, ALL_TURNS))
        keys = frozenset(key for key, tokens in self.depths.items() if tokens in self.depth)
        return list(self._rows(records, keys, str(self.depth)))

    def by_depth(self, records: Mapping[str, Sequence[TurnRecord]]) -> list[ArmVerdict]:
        """The same in each range of depths that has turns, shallow to deep."""
        rows: list[ArmVerdict] = []
        buckets = self.buckets(records)
        for label, keys in buckets.items():
            found = self._rows(records, keys, label)
            rows += [row for row in found if row.said.metric in BUCKET_METRICS]
        return rows

    def buckets(self, records: Mapping[str, Sequence[TurnRecord]]) -> dict[str, frozenset[TurnKey]]:
        """The turns of each range of depths that has any, those behind a context edit left out."""
        plain = {
            (r.session_id, r.turn)
            for rows in records.values()
            for r in rows
            if r.boundary is None and (r.session_id, r.turn) in self.depths
        }
        found = {}
        for bucket in DepthBuckets().ranges:
            inside = frozenset(key for key in plain if self.depths[key] in bucket)
            if inside:
                found[str(bucket)] = inside
        return found

    def floor(self, records: Mapping[str, Sequence[TurnRecord]]) -> Floor | None:
        """By how much the machine's own noise widens every interval; ``None`` where it does not.

        It does where others disturbed a block that was kept, and where there is but one block. It
        is what the blocks of the first arm, one config measured again and again, differ by; with
        few blocks, which say little of that, it is what is assumed of any machine.
        """
        runs = _runs(next(iter(records.values()), ()))
        every = [run for rows in records.values() for run in _runs(rows)]
        if len(runs) > 1 and not any(contaminated(run).spoiled for run in every):
            return None
        found = noise_floor(runs, measured_at="") if len(runs) > LEAST_RUN_PAIRS else None
        return dict((found or assumed_floor()).half_widths)

    def _rows(
        self,
        records: Mapping[str, Sequence[TurnRecord]],
        keys: frozenset[TurnKey] | None,
        depth: str,
    ) -> Iterator[ArmVerdict]:
        base, others = next(iter(records), ""), list(records)[1:]
        floor = self.floor(records)
        for name in others:
            try:
                found = compare(
                    comparable(records[base]),
                    comparable(records[name]),
                    objective=Objective.TTFT,
                    keys=keys,
                    seed=self.seed,
                    candidates=len(others),
                    floor=floor,
                )
            except NoMetricValue:
                continue
            for metric, said in verdicts(found).items():
                yield ArmVerdict(name, base, depth, said, found.by_turn.get(metric))


def _runs(records: Sequence[TurnRecord]) -> list[list[TurnRecord]]:
    """The records of one arm, block by block."""
    found: dict[int, list[TurnRecord]] = {}
    for record in records:
        found.setdefault(record.block, []).append(record)
    return [found[block] for block in sorted(found)]


def comparable(records: Sequence[TurnRecord]) -> list[TurnRecord]:
    """Records whose times compare: one that was sent again, or served by another, is left out.

    One that was not alone on the machine stays: which arm it hit is chance, and is in the interval.
    """
    return [record for record in records if record.mark not in APART]
