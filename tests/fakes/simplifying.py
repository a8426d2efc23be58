"""A search in a folder that ends in the stage between search and confirmation, without engines."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from formula import FormulaMeasurer, plan_of

from autotune.candidate import Setting
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import METRICS, Method, NoiseFloor
from autotune.scoring.objective import Objective
from autotune.search.budget import Budget
from autotune.search.confirm import Confirmation, finished_blocks
from autotune.search.events import Event
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.judge import Judge
from autotune.search.leave_one_out import STAGE, Costs
from autotune.search.ledger import Entry
from autotune.search.planned import FEWER, Planned
from autotune.search.search import Search
from autotune.search.simplify import Simplified, Simplifier
from autotune.search.space import Parameter, Space
from autotune.search.suggest import active_values, make_sampler
from autotune.study.folder import StudyFolder
from autotune.study.storage import open_study

SPACE = Space(
    "fake",
    (
        Parameter("batch", (1, 2, 3), 1, "batch size", ordered=True),
        Parameter("threads", (1, 2), 1, "threads", ordered=True),
        Parameter("poll", (0, 50), 0, "polling", ordered=True),
        Parameter("spec", ("none", "ngram"), "none", "speculation"),
        Parameter("spec-n", (4, 8), 8, "speculation", requires={"spec": ("ngram",)}),
    ),
)

FLOOR = NoiseFloor(half_widths=dict.fromkeys(METRICS, 0.02), pairs=5, method=Method.RUNS)
"""Two runs of one config differ by 2% at most."""


@dataclass
class Stage:
    """One study: some trials, then the stage for its best. `run` may be asked again and again."""

    path: Path
    space: Space = SPACE
    plan: ReplayPlan = field(default_factory=lambda: plan_of(3, 3))
    costs: Costs = field(default_factory=lambda: Costs(left_s=None, short_s=5.0, whole_s=10.0))
    has_time: bool = True
    measures: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    events: list[Event] = field(default_factory=list)
    search: Search | None = None

    @property
    def folder(self) -> StudyFolder:
        return StudyFolder(self.path)

    def run(self, measurer: FormulaMeasurer, *configs: Mapping[str, Setting]) -> Simplified:
        """Measure the default and `configs` where that was not done, then the stage."""
        log = self.folder.turn_log()
        keys = frozenset((p.turn.session_id, p.turn.index) for p in self.plan.turns)
        try:
            with open_study(self.folder, make_sampler(0)) as study:
                search = self.search = Search(
                    study=study,
                    space=self.space,
                    plan=self.plan,
                    measurer=measurer,
                    judge=Judge(Objective.TTFT, keys),
                    feasibility=Feasibility(self.space, None, Limits(None, None), gpu=False),
                    budget=Budget(None, 0, time.monotonic, time.monotonic()),
                    log=log,
                    listener=self.events.append,
                    stop=self.stop,
                    read_turns=self.folder.read_turns,
                )
                search.run()
                self._search(search, configs)
                best = search.ledger.searched(FEWER).best
                assert best is not None
                return self._simplifier(search, measurer, log).run(best)
        finally:
            log.close()

    def _search(self, search: Search, configs: Sequence[Mapping[str, Setting]]) -> None:
        """The first trial of a study without any is the default's; these are measured whole."""
        if search.ledger.entries:
            return
        for at, values in enumerate(({}, *configs)):
            label = "default" if at == 0 else f"again: asked {at}"
            search.also(Planned(active_values(self.space, dict(values)), label))

    def _simplifier(self, search: Search, measurer: FormulaMeasurer, log: Any) -> Simplifier:
        def make(plan: ReplayPlan, base: str, stem: str, blocks: int) -> Confirmation:
            return Confirmation(
                plan=plan,
                measurer=measurer,
                judge=search.judge,
                log=log,
                listener=self.events.append,
                round_name=stem,
                blocks=blocks,
                budget=Budget(None, None, time.monotonic, time.monotonic()),
                seed=0,
                held_out=False,
                stop=self.stop,
                earlier=finished_blocks(list(self.folder.read_turns())),
                baseline=base,
                floor=FLOOR,
                stage=STAGE,
            )

        return Simplifier(
            search=search,
            folder=self.folder,
            searched=len(search.ledger.searched(FEWER).measured),
            short_plan=self.plan,
            make_round=make,
            costs=lambda: self.costs,
            has_time_for_trial=lambda: self.has_time,
            floor=FLOOR,
            floor_width=0.02,
            measures=self.measures,
        )


def trial_of(stage: Stage, values: Mapping[str, Setting]) -> Entry | None:
    """The trial with these parameter values."""
    assert stage.search is not None
    wanted = active_values(stage.space, dict(values))
    return next((e for e in stage.search.ledger.entries if dict(e.values) == wanted), None)
