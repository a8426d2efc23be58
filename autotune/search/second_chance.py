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

NEEDED_TIMES = 2
"""Crashes in a row that are forgiven what nothing can be proved without: one too many ends the
study without a verdict, however good it was until then."""

HANG_SHARE = 0.05
"""Of what is left of the search: what a hang may have cost for its trial to be made again."""


@dataclass(slots=True)
class SecondChance:
    """Decides that, and sets aside what was measured before the accident.

    Turns of it are kept under the arm's name and ``~crash`` or ``~hang``.
    """

    log: TurnLog
    _had: dict[tuple[str, int | None], int] = field(default_factory=dict)

    def again(
        self, measurement: Measurement, left_s: float | None, *, needed: bool = False
    ) -> bool:
        """Whether to make `measurement` again, in the `left_s` seconds that there are (``None`` for
        no limit). `needed`: nothing can be proved without it.

        After a crash once for each arm and block (`NEEDED_TIMES` where it is needed), after a hang
        once for each arm.
        """
        failure = measurement.failure
        if failure is None or failure.kind not in ACCIDENTS:
            return False
        hung = failure.kind is FailureKind.HANG
        place = (measurement.arm, None if hung else measurement.block)
        most = NEEDED_TIMES if needed and not hung else 1
        had = self._had.get(place, 0)
        if had >= most or not _is_worth_it(measurement, left_s, hung and not needed):
            return False
        self._had[place] = had + 1
        name = f"{measurement.arm}{ASIDE}{failure.kind.value}"
        self.log.set_aside(measurement.arm, measurement.block, as_arm=name)
        return True


def _is_worth_it(measurement: Measurement, left_s: float | None, is_dear: bool) -> bool:
    if left_s is None:
        return not is_dear
    return measurement.seconds.total_s <= (HANG_SHARE * left_s if is_dear else left_s)
