"""An arm whose engine is started for each block and stopped behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autotune.candidate import Candidate
from autotune.compare.measured import Measured
from autotune.launchers.protocol import CacheArm
from autotune.records import TurnRecord
from autotune.replay.cache_arm import cache_note
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Measurement, RecordSink
from autotune.trial.real import RealMeasurer


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedArm:
    """`label` names its logs and private folders, where the arm's own name could not.

    `cache` is what the arm says of its cache; ``None`` leaves it as the engine has it.
    """

    name: str
    label: str
    measurer: RealMeasurer
    candidate: Candidate
    plan: ReplayPlan
    cache: CacheArm | None = None

    def measure(self, block: int, sink: RecordSink) -> Measured:
        """Start, replay, stop. Raises `MachineError` when the machine cannot go on."""

        def named(record: TurnRecord) -> None:
            sink(replace(record, arm=self.name))

        found = self.measurer.measure(
            self.candidate, self.plan, arm=self.label, block=block, sink=named
        )
        records = tuple(replace(record, arm=self.name) for record in found.records)
        telemetry = found.telemetry
        return Measured(
            records=records,
            seconds=found.seconds.total_s,
            failure=self._failure(found),
            effective=found.effective,
            disturbed=tuple(telemetry["reasons"]) if telemetry.get("contaminated") else (),
            log=None if found.log_path is None else str(found.log_path),
            measurement=replace(found, arm=self.name, records=records),
        )

    def _failure(self, found: Measurement) -> str | None:
        """Why the block counts nowhere; a warm arm has to show that it is one."""
        if found.failure is not None:
            return f"{found.failure.kind}: {found.failure.message}"
        return cache_note(found.records) if self.cache is CacheArm.ON else None
