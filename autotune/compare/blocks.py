"""The loop: every arm once a block, in an order that turns around, until it is enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autotune.compare.events import ArmEnded, ArmStarted, ArmTurn, BlockEnded, Listener
from autotune.compare.measured import Measured
from autotune.compare.narrow import ALONE, STOPPED, Rule, widest
from autotune.compare.opening import Side
from autotune.compare.progress import Progress
from autotune.compare.verdicts import ArmVerdict, Judging
from autotune.records import TurnRecord
from autotune.scoring.metrics import TtftP50
from autotune.search.remeasure import BLOCK_TIMES, Remeasure
from autotune.study.turn_log import TurnLog


@dataclass(slots=True, kw_only=True)
class Blocks:
    """Measures `sides` into `progress`. `save` is called after every block of every arm.

    `metrics` are those whose intervals have to become narrow, as scoring names them. Blocks that
    others on the machine disturbed are made again as often as `clean` says.
    """

    sides: Mapping[str, Side]
    progress: Progress
    judging: Judging
    metrics: Sequence[str]
    rule: Rule
    log: TurnLog
    listener: Listener
    stop: threading.Event
    save: Callable[[], None]
    clean: Remeasure | None = None

    def run(self) -> str:
        """Measure until the rule says why it ends. Raises `MachineError` when nothing can go on."""
        while True:
            reason = self._ended()
            if reason is not None:
                return reason
            block = self.progress.done
            self._block(block)
            if len(self.progress.alive) > 1 and not self.stop.is_set():
                left_s = self.rule.seconds_left()
                self.listener(BlockEnded(block, self._width(), self.rule.until, left_s))

    def _ended(self) -> str | None:
        if len(self.progress.alive) < 2:
            return ALONE
        if self.stop.is_set():
            return STOPPED
        progress = self.progress
        return self.rule.ends(progress.done, self._width(), progress.block_s)

    def _width(self) -> float | None:
        """The widest half-width that matters, over the blocks that are whole."""
        rows = self.judging.overall(self.progress.compared()) if self.progress.done else []
        return widest(row.said for row in self._chosen(rows))

    def _chosen(self, rows: Sequence[ArmVerdict]) -> list[ArmVerdict]:
        alive = self.progress.alive
        return [row for row in rows if row.said.metric in self.metrics and row.arm in alive]

    def _block(self, block: int) -> None:
        names = self.progress.alive
        for name in names if block % 2 == 0 else reversed(names):
            if self.stop.is_set():
                return
            if self.progress.blocks(name) <= block:
                self._measure(name, block)

    def _measure(self, name: str, block: int) -> None:
        measured = self._replayed(name, block)
        while self._is_made_again(measured):
            self.progress.again += 1
            self.progress.again_s += measured.seconds
            measured = self._replayed(name, block)
        self.progress.take(name, block, measured)
        self.progress.never_quiet = self.clean is not None and self.clean.gave_up
        self.save()
        self.listener(
            ArmEnded(
                name,
                block,
                measured.seconds,
                measured.failure,
                TtftP50().value(measured.records),
                measured.log,
            )
        )

    def _is_made_again(self, measured: Measured) -> bool:
        found, left_s = measured.measurement, self.rule.seconds_left()
        if self.clean is None or found is None or measured.failure or self.stop.is_set():
            return False
        return self.clean.again(found, times=BLOCK_TIMES, left_s=left_s)

    def _replayed(self, name: str, block: int) -> Measured:
        side = self.sides[name]
        self.listener(ArmStarted(name, block, side.turns))
        done = 0

        def take(record: TurnRecord) -> None:
            nonlocal done
            done += 1
            self.log.append(record)
            self.listener(ArmTurn(name, record, done))

        return side.measurer.measure(block, take)
