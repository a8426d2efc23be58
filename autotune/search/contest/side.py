"""One engine's search, a trial at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from autotune.search.budget import Budget
from autotune.search.contest.chance import Standing
from autotune.search.events import Event, Listener, TrialFinished, TrialStarted
from autotune.search.ledger import COMPLETE, Entry, Ledger
from autotune.search.queue import DEFAULT, INCUMBENT
from autotune.search.search import Search


@dataclass(slots=True)
class Gate(Budget):
    """Lets a search launch the trials it was granted and no more: the contest keeps the budget."""

    granted: int = 0

    def allows(self, ledger: Ledger, pending: int = 0) -> bool:
        """Whether one of those granted is left."""
        return len(ledger.measured) < self.granted


def closed_gate() -> Gate:
    """A gate that has granted nothing yet."""
    return Gate(limit_s=None, trials=None, clock=time.monotonic, started_s=time.monotonic())


@dataclass(slots=True)
class Side:
    """An engine of a contest as the allocation sees it. `search` must have `gate` for its budget.

    `confirm_share` is what one replay of the held-out sessions costs against a trial.
    """

    label: str
    search: Search
    gate: Gate
    confirm_share: float = 1.0

    def step(self) -> bool:
        """One more trial; false when this engine's space holds nothing new."""
        before = len(self.ledger.measured)
        self.gate.granted = before + 1
        self.search.run()
        return len(self.ledger.measured) > before

    @property
    def ledger(self) -> Ledger:
        """Every finished trial of this engine."""
        return self.search.ledger

    @property
    def lacks_first_rounds(self) -> bool:
        """Whether the default or the incumbent was not tried yet, or fewer trials than those and
        the starts of the space."""
        firsts = {DEFAULT} if self.search.incumbent is None else {DEFAULT, INCUMBENT}
        few = len(self.ledger.entries) < len(firsts) + len(self.search.space.starts)
        return few or bool(firsts - {entry.label for entry in self.ledger.entries})

    @property
    def arms(self) -> int:
        """How many configs of this engine the confirmation would measure: default and best."""
        best, base = self.ledger.best, self.ledger.baseline
        return 1 if best is not None and base is not None and best.key == base.key else 2

    def standing(self, left: float) -> Standing:
        """What is known, were `left` more trials to come."""
        best, base = self.ledger.best, self.ledger.baseline
        worst = max((e.value for e in self.ledger.ranked if e.value is not None), default=None)
        first = base.value if base is not None and base.value is not None else worst
        return Standing(
            first_s=first,
            best_s=None if best is None else best.value,
            trials=len(self.ledger.measured),
            records=self.records,
            left=left,
        )

    @property
    def records(self) -> int:
        """How many trials, the first with a value not counted, were the best when they ended."""
        count, best_s = 0, None
        for entry in self.ledger.measured:
            if entry.outcome == COMPLETE and entry.value is not None:
                count += best_s is not None and entry.value < best_s
                best_s = entry.value if best_s is None else min(best_s, entry.value)
        return count


@dataclass(slots=True)
class Told:
    """Hands on the events of one engine's search, told apart and seen from the whole contest."""

    label: str
    listener: Listener
    whole: Whole | None = None

    def __call__(self, event: Event) -> None:
        """`event` with its engine."""
        if isinstance(event, TrialStarted):
            event = replace(event, engine=self.label)
        elif isinstance(event, TrialFinished):
            event = replace(event, engine=self.label)
            event = event if self.whole is None else self.whole.seen(event)
        self.listener(event)


@dataclass(slots=True)
class Whole:
    """All engines of a contest, for what is best and how much is left."""

    sides: tuple[Side, ...]
    seconds_left: Callable[[], float | None]

    def seen(self, event: TrialFinished) -> TrialFinished:
        """`event` with what is best among all engines, trials of all and the whole budget."""
        best = leader(self.sides)
        return replace(
            event,
            is_best=event.is_best and best is not None and best[0].label == event.engine,
            best_engine=None if best is None else best[0].label,
            best_number=None if best is None else best[1].number,
            best_value=None if best is None else best[1].value,
            seconds_left=self.seconds_left(),
            trials_done=sum(len(side.ledger.measured) for side in self.sides),
        )


def leader(sides: tuple[Side, ...]) -> tuple[Side, Entry] | None:
    """The engine with the least value, and its best trial; the first named of equal ones."""
    found = [(side, best) for side in sides if (best := side.ledger.best) is not None]
    return min(found, key=lambda row: row[1].value or 0.0, default=None)
