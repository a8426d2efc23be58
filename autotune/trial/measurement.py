"""The measurer seam: a candidate and a plan in, a measurement out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan

RecordSink = Callable[[TurnRecord], None]

Enough = Callable[[], bool]
"""Asked between turns: whether the rest of the plan need not be measured."""


def never() -> bool:
    """Measure everything."""
    return False


Seen = Callable[[Candidate, str, Mapping[str, Setting]], bool]
"""Asked before the first turn, with the arm and what the engine says that it runs with: whether
nothing need be replayed, as that was measured before."""


def never_seen(_: Candidate, __: str, ___: Mapping[str, Setting]) -> bool:
    """Measure everything."""
    return False


@dataclass(frozen=True, slots=True)
class TrialSeconds:
    """Where the engine-seconds of one measurement went.

    `after_s` is what was asked after the replay (`autotune.trial.afterwards`), `quality_s` what
    the quality guard took before it.
    """

    load_s: float = 0.0
    warm_up_s: float = 0.0
    replay_s: float = 0.0
    stop_s: float = 0.0
    after_s: float = 0.0
    quality_s: float = 0.0

    @property
    def total_s(self) -> float:
        """All of it."""
        replayed_s = self.load_s + self.warm_up_s + self.replay_s + self.stop_s
        return replayed_s + self.after_s + self.quality_s


@dataclass(frozen=True, slots=True)
class Measurement:
    """One candidate measured once. With a `failure` nothing of it may be scored.

    `whole` is false when the plan was left before its end because `enough` said so. `extras` are
    the answers to what was asked after the replay, by the question's name.
    """

    candidate: Candidate
    arm: str
    block: int
    records: tuple[TurnRecord, ...]
    failure: Failure | None
    seconds: TrialSeconds = TrialSeconds()
    whole: bool = True
    effective: Mapping[str, Setting] = field(default_factory=dict)
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    log_path: Path | None = None


class Measurer(Protocol):
    """Real (launcher + replay), recorded (a finished study) or simulated."""

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        """Measure `candidate`; every record goes to `sink` the moment its turn ends.

        `enough` is asked between turns; once it says yes, the rest of `plan` is not replayed.

        Failures of the candidate are in the result. `MachineError` leaves: the study cannot go on.
        """
        ...
