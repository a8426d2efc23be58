"""A measurer whose turns take as long as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.contaminated import MARK
from autotune.trial.measurement import Measurement, TrialSeconds

LIVE_SETTINGS: Mapping[str, Setting] = {"batch-size": 512}
DEFAULT_SETTINGS: Mapping[str, Setting] = {"batch-size": 2048}


@dataclass(slots=True)
class Timed:
    """`seconds` are of one turn, by arm: a number, or one a launch; ``None`` is that it crashes.

    `disturbed` are launches, counted from 0 over both arms, during which others were at work.
    """

    live: Any = 2.0
    default: Any = 4.0
    disturbed: tuple[int, ...] = ()
    launches: list[tuple[str, int]] = field(default_factory=list)
    slept_s: float = 0.0

    def clock(self) -> float:
        """Seconds that measuring has taken."""
        return self.slept_s

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: Callable[[TurnRecord], None],
        enough: Callable[[], bool] = lambda: False,
    ) -> Measurement:
        """Ten seconds a launch, whatever the turns say."""
        told = self.live if dict(candidate.settings) == dict(LIVE_SETTINGS) else self.default
        turn_s = told[sum(a == arm for a, _ in self.launches)] if isinstance(told, list) else told
        mark = MARK if len(self.launches) in self.disturbed else None
        self.launches.append((arm, block))
        self.slept_s += 10.0
        if turn_s is None:
            failure = Failure(FailureKind.OUT_OF_MEMORY, "no memory left")
            return Measurement(candidate, arm, block, (), failure, TrialSeconds(load_s=10.0))
        records = tuple(
            TurnRecord(
                arm=arm, block=block, order=p.order, session_id=p.turn.session_id,
                turn=p.turn.index, started_at="", asked_output_tokens=2, output_tokens=2,
                ttft_s=turn_s / 2, decode_tps=4 / turn_s, wall_s=turn_s, mark=mark,
            )
            for p in plan.turns
        )  # fmt: skip
        return Measurement(candidate, arm, block, records, None, TrialSeconds(load_s=10.0))
