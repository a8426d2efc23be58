"""A crash is measured once more before it condemns a config: some are accidents.

A hang is not: it has cost its whole timeout already. Nor is what the engine explains: memory, a
flag that it refuses, a file that it cannot load.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.launchers.failure import FailureKind
from autotune.search.remeasure import ASIDE
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement

CRASHED = f"{ASIDE}crash"
"""At the end of the arm under which the turns before a crash are kept."""


@dataclass(slots=True)
class SecondChance:
    """Decides that, and sets aside what was measured before the crash."""

    log: TurnLog
    _had: set[tuple[str, int]] = field(default_factory=set)

    def again(self, measurement: Measurement, left_s: float | None) -> bool:
        """Whether to make `measurement` again, in the `left_s` seconds that there are (``None`` for
        no limit). At most once for each arm and block."""
        failure, place = measurement.failure, (measurement.arm, measurement.block)
        if failure is None or failure.kind is not FailureKind.CRASH or place in self._had:
            return False
        if left_s is not None and measurement.seconds.total_s > left_s:
            return False
        self._had.add(place)
        self.log.set_aside(*place, as_arm=f"{measurement.arm}{CRASHED}")
        return True
