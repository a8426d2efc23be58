"""How far a run is, put together from its events. Shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autotune.report.text import faster
from autotune.search.confirm import DEFAULT_ARM
from autotune.search.events import (
    ConfirmBlock,
    ConfirmStarted,
    Event,
    Prepared,
    TrialFinished,
    TrialStarted,
    TurnDone,
)

Clock = Callable[[], float]
"""Monotonic seconds."""


@dataclass(slots=True)
class RunState:
    """What the events so far say. `clock` dates the last estimate of the time left."""

    clock: Clock
    prepared: Prepared | None = None
    running: TrialStarted | None = None
    turn: TurnDone | None = None
    baseline: TrialFinished | None = None
    best: TrialFinished | None = None
    earlier_best: tuple[int, float] | None = None
    """Number and value of the best of a continued study, until this run finds a better one."""
    trials_done: int = 0
    failed: int = 0
    confirming: ConfirmStarted | None = None
    blocks: list[ConfirmBlock] = field(default_factory=list)
    _ends_at: float | None = None

    def apply(self, event: Event) -> None:
        """Takes one event in."""
        match event:
            case Prepared():
                self.prepared = event
                self.trials_done = event.trials_done
                self._expect(event.budget_s)
            case TrialStarted():
                self.running, self.turn = event, None
            case TurnDone():
                self.turn = event
            case TrialFinished():
                self._finish(event)
            case ConfirmStarted():
                self.confirming, self.running, self.turn = event, None, None
                self.blocks = []
            case ConfirmBlock():
                self.blocks.append(event)
                self.turn = None

    def _finish(self, event: TrialFinished) -> None:
        self.running = self.turn = None
        self.trials_done = max(self.trials_done + 1, event.trials_done)
        self.failed += event.failure is not None
        if event.failure is None and not event.changes and self.baseline is None:
            self.baseline = event
        if event.is_best:
            self.best = event
        if event.best_number is not None and event.best_value is not None:
            self.earlier_best = (event.best_number, event.best_value)
        self._expect(event.seconds_left)

    def _expect(self, seconds_left: float | None) -> None:
        self._ends_at = None if seconds_left is None else self.clock() + seconds_left

    @property
    def seconds_left(self) -> float | None:
        """Time to the end of the budget, by the last estimate; never below zero."""
        return None if self._ends_at is None else max(0.0, self._ends_at - self.clock())

    def against_baseline(self, turn_s: float | None) -> float | None:
        """How many times faster a turn of `turn_s` is than the baseline's in this search."""
        return faster(self.baseline.turn_s if self.baseline else None, turn_s)

    @property
    def confirms_default(self) -> bool:
        """Whether the default is among the arms: else it is the heat that is run."""
        return self.confirming is not None and DEFAULT_ARM in self.confirming.arms

    @property
    def confirm_blocks_wanted(self) -> int:
        """Blocks that the confirmation takes at most, over all arms."""
        if self.confirming is None:
            return 0
        return self.confirming.blocks * len(self.confirming.arms)
