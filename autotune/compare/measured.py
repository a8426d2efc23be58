"""The seam between a comparison and its arms: one block in, records or a reason out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from autotune.candidate import Setting
from autotune.records import TurnRecord
from autotune.trial.measurement import Measurement, RecordSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One block of one arm. With a `failure` none of its `records` is compared.

    `disturbed` says what telemetry saw of others on the machine, `effective` what the engine says
    it ran with. `measurement` is the whole of it where an engine was started for it.
    """

    records: tuple[TurnRecord, ...]
    seconds: float
    failure: str | None = None
    effective: Mapping[str, Setting] = field(default_factory=dict)
    disturbed: tuple[str, ...] = ()
    log: str | None = None
    measurement: Measurement | None = None


class ArmMeasurer(Protocol):
    """Measures one arm, however it is served."""

    def measure(self, block: int, sink: RecordSink) -> Measured:
        """Replay every turn once as repetition `block`; each record goes to `sink` as it ends.

        What is wrong with the arm is in the result. `MachineError` leaves: nothing can go on.
        """
        ...
