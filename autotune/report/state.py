"""How far a run is, put together from its events. Shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autotune.report.text import faster
from autotune.search.events import (
    ConfirmBlock,
    ConfirmStarted,
    ContestPrepared,
    EngineChosen,
    Event,
    HoldFinished,
    HoldStarted,
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
    prepared: Prepared | ContestPrepared | None = None
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
    holding: HoldStarted | None = None
    chosen: EngineChosen | None = None
    """Of several engines: the one whose turn it is, and every one's chance to hold the winner."""
    _ends_at: float | None = None

    def apply(self, event: Event) -> None:
        """Takes one event in."""
        match event:
            case Prepared() | ContestPrepared():
                self.prepared = event
                self.trials_done = event.trials_done
                self._expect(event.budget_s)
            case EngineChosen():
                self.chosen = event
            case TrialStarted():
                self.running, self.turn, self.confirming = event, None, None
            case TurnDone():
                self.turn = event
            case TrialFinished():
                self._finish(event)
            case ConfirmStarted():
                self.confirming, self.running, self.turn = event, None, None
                self.blocks = []
            case HoldStarted():
                self.holding, self.turn = event, None
            case HoldFinished():
                self.holding = self.turn = None
            case ConfirmBlock():
                self.blocks.append(event)
                self.turn = None

    def _finish(self, event: TrialFinished) -> None:
        self.running = self.turn = None
        self.trials_done = max(self.trials_done + 1, event.trials_done)
        self.failed += event.failure is not None
        if self.baseline is None and self._is_baseline(event):
            self.baseline = event
        if event.is_best:
            self.best = event
        if event.best_number is not None and event.best_value is not None:
            self.earlier_best = (event.best_number, event.best_value)
        self._expect(event.seconds_left)

    def _is_baseline(self, event: TrialFinished) -> bool:
        """Whether `event` is the default that all are compared with: of several engines' one."""
        if event.failure is not None or event.changes or event.stopped_early:
            return False
        prepared = self.prepared
        return not isinstance(prepared, ContestPrepared) or event.engine == prepared.baseline

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
    def baseline_words(self) -> str:
        """What speeds are told against."""
        prepared = self.prepared
        if isinstance(prepared, ContestPrepared):
            return f"{prepared.baseline}'s default"
        return "the default"

    def is_compared(self, event: TrialFinished) -> bool:
        """Whether the speed of `event` against the baseline says anything: not of itself."""
        return bool(event.changes) or (
            isinstance(self.prepared, ContestPrepared) and event.engine != self.prepared.baseline
        )

    @property
    def confirms_default(self) -> bool:
        """Whether the baseline is among the arms: else it is the heat that is run."""
        return self.confirming is not None and self.confirming.baseline in self.confirming.arms

    @property
    def confirm_blocks_wanted(self) -> int:
        """Blocks that the confirmation takes at most, over all arms."""
        if self.confirming is None:
            return 0
        return self.confirming.blocks * len(self.confirming.arms)
