"""Searches of made-up engines that answer from a formula, under one budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from formula import SPACE, FormulaMeasurer, plan_of

from autotune.candidate import Setting
from autotune.replay.plan import ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.budget import Budget
from autotune.search.contest.budget import ContestBudget
from autotune.search.contest.rounds import Rounds
from autotune.search.contest.side import Side, Told, Whole, closed_gate
from autotune.search.events import Event
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.judge import Judge
from autotune.search.search import Search
from autotune.search.space import Space
from autotune.search.suggest import make_sampler
from autotune.study.folder import StudyFolder
from autotune.study.storage import open_study

Scale = Callable[[Mapping[str, Setting]], float]


@dataclass
class Arena:
    """Engines by name; `run` searches them under one budget, again and again in one folder."""

    path: Path
    stack: ExitStack
    plan: ReplayPlan = field(default_factory=plan_of)
    events: list[Event] = field(default_factory=list)
    rounds: Rounds | None = None
    sides: tuple[Side, ...] = ()
    measurers: dict[str, Any] = field(default_factory=dict)
    kept: bool = False
    """Whether the studies are on disk, to be gone on with; in memory they are faster."""

    def open(self, engines: Mapping[str, Any], space: Space = SPACE, seed: int = 0) -> Arena:
        """Opens a search for each engine: a formula, or a measurer of its own."""
        self.measurers = {
            name: FormulaMeasurer(scale=how) if callable(how) else how
            for name, how in engines.items()
        }
        whole = Whole((), lambda: None)
        self.sides = tuple(self._side(name, space, seed, whole) for name in engines)
        whole.sides = self.sides
        return self

    def _side(self, name: str, space: Space, seed: int, whole: Whole) -> Side:
        keys = frozenset((p.turn.session_id, p.turn.index) for p in self.plan.turns)
        folder = StudyFolder(self.path / name)
        log, gate = folder.turn_log(), closed_gate()
        self.stack.callback(log.close)
        search = Search(
            study=self._study(folder, seed),
            space=space,
            plan=self.plan,
            measurer=self.measurers[name],
            judge=Judge(Objective.TURN, keys),
            feasibility=Feasibility(space, None, Limits(None, None), gpu=False),
            budget=gate,
            log=log,
            listener=Told(name, self.events.append, whole),
            read_turns=folder.read_turns,
            seed=seed,
        )
        return Side(name, search, gate)

    def _study(self, folder: StudyFolder, seed: int) -> optuna.Study:
        if self.kept:
            return self.stack.enter_context(open_study(folder, make_sampler(seed)))
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        return optuna.create_study(sampler=make_sampler(seed))

    def run(
        self,
        trials: int | None,
        *,
        limit_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
        seed: int = 0,
    ) -> dict[str, int]:
        """Trials of each engine when the budget is spent."""
        budget = ContestBudget(Budget(limit_s, trials, clock, clock()), blocks=1)
        self.rounds = Rounds(
            sides=self.sides,
            budget=budget,
            listener=self.events.append,
            stop=stop or threading.Event(),
            seed=seed,
        )
        self.rounds.run()
        return {side.label: len(side.ledger.measured) for side in self.sides}
