"""The search over several engines: who gets the next trial, until the budget ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from autotune.search.contest.allocate import Shares, first_rounds, pick, shares_of
from autotune.search.contest.budget import ContestBudget
from autotune.search.contest.chance import chances
from autotune.search.contest.side import Side
from autotune.search.events import EngineChosen, Listener


@dataclass(slots=True, kw_only=True)
class Rounds:
    """Every engine's default and starts first, in turns; then each trial to the likeliest winner.

    The rule: after the first rounds the next trial goes to an engine by its chance to hold the
    final winner (`chances`), never less than a floor, until it is clearly out (`shares_of`), in
    engine-seconds where time is what is limited (`pick`). It is decided anew each time from the
    ledgers alone, so that a killed contest goes on as it would have gone.
    """

    sides: Sequence[Side]
    budget: ContestBudget
    listener: Listener
    stop: threading.Event
    seed: int = 0
    _used_up: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Search until the budget, the count, the spaces or the user end it.

        Raises `MachineError` when the contest cannot go on; what was measured is on disk.
        """
        while not self.stop.is_set() and (chosen := self.next()) is not None:
            self.listener(chosen)
            side = next(s for s in self.sides if s.label == chosen.engine)
            if not side.step() and not self.stop.is_set():
                self._used_up.add(side.label)

    def next(self) -> EngineChosen | None:
        """Which engine gets the next trial; ``None`` when none does."""
        able = [
            s
            for s in self.sides
            if s.label not in self._used_up and self.budget.allows(s, self.sides)
        ]
        due = [(s.label, len(s.ledger.measured), s.lacks_first_rounds) for s in able]
        first = first_rounds(due)
        if first is not None:
            return EngineChosen(first)
        if not able:
            return None
        found = self.shares()
        mine = {s.label: found.shares[s.label] for s in able}
        chosen = pick(mine, self._costs(), sum(len(s.ledger.measured) for s in self.sides))
        return None if chosen is None else EngineChosen(chosen, dict(found.chances), found.out)

    def shares(self) -> Shares:
        """What each engine gets of the next trials, by what is known now."""
        rows = [s.standing(self.budget.trials_left(s, self.sides)) for s in self.sides]
        found = chances(rows, self.seed)
        return shares_of({s.label: p for s, p in zip(self.sides, found, strict=True)})

    def _costs(self) -> dict[str, float | None]:
        """What a trial of each engine costs: seconds under a time limit, else all alike."""
        timed = self.budget.total.limit_s is not None
        return {s.label: s.ledger.typical_s or None if timed else None for s in self.sides}
