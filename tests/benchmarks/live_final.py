"""The two picks and the default, head to head: blocks that turn around, on held-out sessions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_progress import Progress
from live_setup import LiveSetup

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.report.text import number
from autotune.scoring.interval import compare
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.noise import NoiseFloor, assumed_floor, noise_floor
from autotune.search.budget import Budget
from autotune.search.confirm import Arm, Confirmation, Confirmed, finished_blocks
from autotune.search.events import ConfirmBlock
from autotune.search.remeasure import Remeasure
from autotune.strategies.seam import Settings
from autotune.study.turn_log import TurnLog, read_turns
from autotune.trial.measurement import Measurer
from autotune.trial.recorded_rows import TURNS

OURS, RANDOM, DEFAULT = "ours", "random", "default"
ORDER = (OURS, DEFAULT, RANDOM)
"""In a block, and turned around in the next one: ours and random go first as often as last."""

VERSUS = ((OURS, RANDOM), (OURS, DEFAULT), (RANDOM, DEFAULT))
"""Each is told as how many times as fast the first is as the second."""

ROUND = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What is measured: `picks` by `OURS`, `RANDOM` and `DEFAULT`, each in `blocks` blocks."""

    setup: LiveSetup
    measurer: Measurer
    folder: Path
    picks: Mapping[str, Settings]
    blocks: int
    seed: int
    cores: int
    progress: Progress

    def run(self) -> dict[str, Any]:
        """Measure what is missing; the figures. No block of an earlier run is repeated."""
        log = TurnLog(self.folder / TURNS)
        try:
            confirmed = self._confirmation(log).run(self._arms())
        finally:
            log.close()
        return self._told(confirmed)

    def stands_for(self, name: str) -> str:
        """The arm that is measured for `name`: equal picks are measured once."""
        wanted = Candidate(self.picks[name]).key
        return next(other for other in ORDER if Candidate(self.picks[other]).key == wanted)

    def _arms(self) -> list[Arm]:
        own = [name for name in ORDER if self.stands_for(name) == name]
        return [Arm(name, Candidate(self.picks[name]), None) for name in own]

    def _confirmation(self, log: TurnLog) -> Confirmation:
        setup = self.setup
        return Confirmation(
            plan=setup.confirm_plan,
            measurer=self.measurer,
            judge=setup.judge,
            log=log,
            listener=self._hear,
            round_name=ROUND,
            blocks=self.blocks,
            budget=Budget(None, None, clock=setup.clock, started_s=setup.clock.now()),
            seed=self.seed,
            held_out=setup.confirm_plan.digest != setup.search_plan.digest,
            stop=threading.Event(),
            earlier=finished_blocks(list(read_turns(self.folder / TURNS))),
            baseline=self.stands_for(DEFAULT),
            clean=Remeasure(log=log, cores=self.cores),
        )

    def _hear(self, event: object) -> None:
        if isinstance(event, ConfirmBlock):
            said = event.failure or f"{number(event.turn_s)} s a turn"
            words = f"head to head, block {event.block + 1} of {self.blocks}: {event.arm} {said}"
            self.progress.compared(words)

    def _told(self, confirmed: Confirmed) -> dict[str, Any]:
        floor = self._floor(confirmed)
        return {
            "blocks": confirmed.blocks,
            "arms": {name: self._scored(confirmed, name) for name in ORDER},
            "versus": {
                f"{one}/{other}": self._versus(confirmed, one, other, floor)
                for one, other in VERSUS
            },
            "failed": dict(confirmed.failed),
            "disturbed": list(confirmed.disturbed),
            "noise_floor": floor.half_width("turn_s"),
            "seconds": round(confirmed.seconds, 3),
        }

    def _records(self, confirmed: Confirmed, name: str) -> Sequence[TurnRecord]:
        rows = confirmed.records.get(self.stands_for(name), ())
        return [row for row in rows if row.block < confirmed.blocks]

    def _floor(self, confirmed: Confirmed) -> NoiseFloor:
        """By the default's own runs."""
        rows = self._records(confirmed, DEFAULT)
        runs = [[r for r in rows if r.block == block] for block in range(confirmed.blocks)]
        found = noise_floor(runs, keys=self.setup.judge.at_depth, measured_at="")
        return found or assumed_floor()

    def _scored(self, confirmed: Confirmed, name: str) -> dict[str, Any]:
        score = self.setup.judge.score(self._records(confirmed, name))
        return {
            "measured_as": self.stands_for(name),
            "turn_s": score.turn_s,
            "ttft_p50_s": score.ttft_p50_s,
            "decode_p50_tps": score.decode_p50_tps,
            "total_wait_s": score.total_wait_s,
        }

    def _versus(
        self, confirmed: Confirmed, one: str, other: str, floor: NoiseFloor
    ) -> dict[str, Any]:
        """How many times as fast `one` is as `other`; ratio ``None`` where it cannot be said.

        As a run's confirmation: where the machine was disturbed, and of one block, the interval is
        widened by the noise floor.
        """
        if self.stands_for(one) == self.stands_for(other):
            return {"ratio": 1.0, "low": 1.0, "high": 1.0, "same": True}
        wide = bool(confirmed.disturbed) or confirmed.blocks == 1
        try:
            found = compare(
                self._records(confirmed, other),
                self._records(confirmed, one),
                keys=self.setup.judge.at_depth,
                objective=self.setup.judge.objective,
                seed=self.seed,
                floor=floor.half_widths if wide else None,
            )
        except NoMetricValue as absence:
            return {"ratio": None, "low": None, "high": None, "same": False, "why": absence.message}
        return {"ratio": found.ratio, "low": found.low, "high": found.high, "same": False}
