"""A bench whose searches watch the machine: anchors, a noise floor and measuring again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from formula import SPACE, Bench, FormulaMeasurer

from autotune.candidate import Setting
from autotune.records import TurnMachine, TurnRecord
from autotune.scoring.contaminated import marked
from autotune.scoring.objective import Objective
from autotune.search.anchor import Anchors
from autotune.search.budget import Budget
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.floor_cache import FloorCache, FloorKey
from autotune.search.judge import Judge
from autotune.search.ledger import Ledger
from autotune.search.remeasure import Remeasure
from autotune.search.search import Search
from autotune.search.space import Space
from autotune.search.steadiness import Steadiness
from autotune.search.suggest import make_sampler
from autotune.study.storage import open_study
from autotune.study.turn_log import TurnLog

CORES = 2
NOISY = TurnMachine(looks=3, other_cores=1.2)
"""What a turn beside a burner of 1.2 cores looks like."""

KEY = FloorKey("host", "cpu", "cpu", "fake", "1", "sha", "16+ turns")


@dataclass
class SteadyBench(Bench):
    """`every` trials an anchor; `limit_s` is the budget that anchors are told of."""

    every: int = 5
    limit_s: float | None = None
    cache_dir: Path | None = None
    cores: int = CORES
    steady: Steadiness | None = None
    search: Search | None = None
    kept: bool = False
    """Whether the study is on disk, to be gone on with; in memory it is faster."""

    def steadiness(self, measurer: Any, log: TurnLog, trials: int | None) -> Steadiness:
        anchors = Anchors(
            every=self.every,
            measurer=measurer,
            plan=self.plan,
            objective=Objective.TURN,
            log=log,
            floor=lambda: made.floor,
            read_turns=self.folder.read_turns,
        )
        made = Steadiness(
            anchors=anchors,
            clean=Remeasure(log=log, cores=self.cores),
            listener=self.events.append,
            cache=FloorCache(self.cache_dir),
            key=KEY,
            limit_s=self.limit_s,
            trials=trials,
        )
        return made

    @contextmanager
    def _study(self, seed: int) -> Iterator[optuna.Study]:
        if self.kept:
            with open_study(self.folder, make_sampler(seed)) as study:
                yield study
        else:
            optuna.logging.set_verbosity(optuna.logging.CRITICAL)
            yield optuna.create_study(sampler=make_sampler(seed))

    def run(
        self,
        measurer: Any,
        trials: int,
        *,
        space: Space = SPACE,
        seed: int = 0,
        stop: threading.Event | None = None,
        incumbent: Mapping[str, Setting] | None = None,
    ) -> Ledger:
        keys = frozenset((p.turn.session_id, p.turn.index) for p in self.plan.turns)
        log = self.folder.turn_log()
        # The clock stands still: a limit is kept by what trials are said to cost.
        budget = Budget(self.limit_s, trials, lambda: 0.0, 0.0)
        self.steady = self.steadiness(measurer, log, trials)
        try:
            with self._study(seed) as study:
                self.search = Search(
                    study=study,
                    space=space,
                    plan=self.plan,
                    measurer=measurer,
                    judge=Judge(Objective.TURN, keys),
                    feasibility=Feasibility(space, None, Limits(None, None), gpu=False),
                    budget=budget if self.limit_s else Budget(None, trials, time.monotonic, 0.0),
                    log=log,
                    listener=self.events.append,
                    incumbent=incumbent,
                    stop=stop or threading.Event(),
                    read_turns=self.folder.read_turns,
                    seed=seed,
                    steady=self.steady,
                )
                return self.search.run()
        finally:
            log.close()


class BusyMachine(FormulaMeasurer):
    """While `busy` says so, by how many measurements were made, every turn is beside a burner."""

    busy: Callable[[int], bool] = staticmethod(lambda _: False)

    def _record(self, *args: object) -> TurnRecord:
        record = super()._record(*args)  # type: ignore[arg-type]
        if not self.busy(len(self.measured)):
            return record
        return marked(replace(record, ttft_s=(record.ttft_s or 0) * 1.8, machine=NOISY), CORES)


def busy(*which: int) -> BusyMachine:
    made = BusyMachine()
    made.busy = lambda count: count in which
    return made
