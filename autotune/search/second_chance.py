"""A crash or a hang is measured once more before it condemns a config: some are accidents.

A hang has cost its whole timeout already, so a trial that hung is made again only where that is
little of what is left; what nothing can be proved without (the default, an arm of the
confirmation) wherever there is time. What the engine explains is no accident: memory, a flag that
it refuses, a file that it cannot load.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.launchers.failure import FailureKind
from autotune.search.remeasure import ASIDE
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement

ACCIDENTS = frozenset({FailureKind.CRASH, FailureKind.HANG})

HANG_SHARE = 0.05
"""Of what is left of the search: what a hang may have cost for its trial to be made again."""


@dataclass(slots=True)
class SecondChance:
    """Decides that, and sets aside what was measured before the accident.

    Turns of it are kept under the arm's name and ``~crash`` or ``~hang``.
    """

    log: TurnLog
    _had: set[tuple[str, int | None]] = field(default_factory=set)

    def again(
        self, measurement: Measurement, left_s: float | None, *, needed: bool = False
    ) -> bool:
        """Whether to make `measurement` again, in the `left_s` seconds that there are (``None`` for
        no limit). `needed`: nothing can be proved without it.

        After a crash at most once for each arm and block, after a hang once for each arm.
        """
        failure = measurement.failure
        if failure is None or failure.kind not in ACCIDENTS:
            return False
        hung = failure.kind is FailureKind.HANG
        place = (measurement.arm, None if hung else measurement.block)
        if place in self._had or not _is_worth_it(measurement, left_s, hung and not needed):
            return False
        self._had.add(place)
        name = f"{measurement.arm}{ASIDE}{failure.kind.value}"
        self.log.set_aside(measurement.arm, measurement.block, as_arm=name)
        return True


def _is_worth_it(measurement: Measurement, left_s: float | None, is_dear: bool) -> bool:
    if left_s is None:
        return not is_dear
    return measurement.seconds.total_s <= (HANG_SHARE * left_s if is_dear else left_s)
