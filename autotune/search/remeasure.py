"""Measurements that somebody else disturbed are made again, as often as it is worth it.

A turn alone cannot be replayed: in a closed loop the prompts after it hold its reply. So what is
measured again is all of it, a trial or a block of one arm. What is set aside stays in
``turns.jsonl`` under another arm (`aside_name`) and is never scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autotune.records import TurnRecord
from autotune.scoring.contaminated import MARK, contaminated, reasons
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement

ASIDE = "~"
"""Between an arm's name and the count of the attempt that was set aside."""

TRIAL_TIMES = 1
"""A trial only has to find who is worth confirming."""

BLOCK_TIMES = 2
"""A block of the confirmation is what the verdict rests on."""

DISCARD_SHARE = 0.25
"""Of all that was measured: more is never set aside, but for the first."""

GIVE_UP_AFTER = 2
"""Measurements in a row that were no cleaner at their last attempt: it does not get quiet."""


def aside_name(arm: str, attempt: int) -> str:
    """How records of an attempt that was set aside are called."""
    return f"{arm}{ASIDE}{attempt}"


def is_aside(arm: str) -> bool:
    """Whether records under `arm` were set aside."""
    return ASIDE in arm


@dataclass(slots=True, kw_only=True)
class Remeasure:
    """Decides what is measured again, and sets aside what was.

    `cores` are the machine's logical processors. With one of them a study goes on as if nothing
    had happened: on a machine that never gets quiet (`gave_up`) measurements are taken as they are.
    """

    log: TurnLog
    cores: int
    gave_up: bool = False
    _attempts: dict[tuple[str, int], int] = field(default_factory=dict)
    _in_a_row: int = 0
    _spent_s: float = 0.0
    _discarded_s: float = 0.0

    def again(self, measurement: Measurement, *, times: int, left_s: float | None) -> bool:
        """Whether to make `measurement` again; then its records are set aside already.

        At most `times` times, and only where `left_s` seconds (``None`` for no limit) hold one
        more. One that failed is not: failing is a finding. Nor is one that was left early: the race
        looks at clean turns only.
        """
        cost_s = measurement.seconds.total_s
        self._spent_s += cost_s
        spoiled = contaminated(measurement.records).spoiled
        if measurement.failure is not None or not measurement.whole:
            return False
        key = (measurement.arm, measurement.block)
        made = self._attempts.get(key, 0)
        if not spoiled:
            self._in_a_row = 0
            return False
        if made >= times:
            self._in_a_row += 1
            self.gave_up = self.gave_up or self._in_a_row >= GIVE_UP_AFTER
        if made >= times or self.gave_up or not self._affordable(cost_s, left_s):
            return False
        self._set_aside(measurement, made + 1)
        return True

    def _affordable(self, cost_s: float, left_s: float | None) -> bool:
        if left_s is not None and cost_s > left_s:
            return False
        share = (self._discarded_s + cost_s) / self._spent_s if self._spent_s else 0.0
        return self._discarded_s == 0.0 or share <= DISCARD_SHARE

    def _set_aside(self, measurement: Measurement, attempt: int) -> None:
        arm, block = measurement.arm, measurement.block
        self._attempts[arm, block] = attempt
        self._discarded_s += measurement.seconds.total_s
        self.log.set_aside(arm, block, as_arm=aside_name(arm, attempt))


@dataclass(frozen=True, slots=True)
class Disturbed:
    """What others cost a study, by the records on its disk.

    Attributes:
        discarded_turns, discarded_s: what was measured and set aside; seconds of turns.
        share: of the seconds of all turns.
        again: how many measurements were made again.
        kept_turns: contaminated turns in what was kept.
        kept_spoiled: measurements that were kept although too many of their turns are.
        reasons: why, each once.
    """

    discarded_turns: int
    discarded_s: float
    share: float
    again: int
    kept_turns: int
    kept_spoiled: int
    reasons: tuple[str, ...]


def disturbed(records: Iterable[TurnRecord], cores: int) -> Disturbed:
    """Count over every record of a study, on a machine of `cores` logical processors."""
    every = list(records)
    aside = [r for r in every if is_aside(r.arm)]
    kept = [r for r in every if not is_aside(r.arm)]
    seconds, aside_s = _seconds(every), _seconds(aside)
    return Disturbed(
        discarded_turns=len(aside),
        discarded_s=aside_s,
        share=aside_s / seconds if seconds else 0.0,
        again=len(_measurements(aside)),
        kept_turns=sum(r.ok and r.mark == MARK for r in kept),
        kept_spoiled=sum(contaminated(rows).spoiled for rows in _measurements(kept).values()),
        reasons=reasons(every, cores),
    )


def _measurements(records: Sequence[TurnRecord]) -> dict[tuple[str, int], list[TurnRecord]]:
    found: dict[tuple[str, int], list[TurnRecord]] = {}
    for record in records:
        found.setdefault((record.arm, record.block), []).append(record)
    return found


def _seconds(records: Sequence[TurnRecord]) -> float:
    return sum(r.wall_s or 0.0 for r in records)
