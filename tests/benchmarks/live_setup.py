"""What both searches are given on the real engine: as ``autotune run`` lays it out, twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from live_sides import Stopwatch

from autotune.hardware.gpu import GpuProbe
from autotune.replay.plan import ReplayPlan
from autotune.search.feasibility import Feasibility
from autotune.search.judge import Judge
from autotune.search.layout import Layout, lay_out
from autotune.search.opening import make_measurer
from autotune.search.setup import Setup
from autotune.search.space import Space
from autotune.search.surveying import surveyed
from autotune.trial.measurement import Measurer
from autotune.trial.real import RealMeasurer
from autotune.trial.survey import Survey


class LiveSetup(NamedTuple):
    """What a strategy is given (`autotune.strategies.seam.Setup`): fresh for every search.

    Attributes:
        search_plan, confirm_plan: of different sessions; `judge` scores both.
        feasibility: it learns, so every search has its own.
        clock: the search's own seconds.
    """

    space: Space
    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    judge: Judge
    feasibility: Feasibility
    measurer: Measurer
    clock: Stopwatch


MakeSetup = Callable[[int, Measurer, Stopwatch], LiveSetup]
"""Of a seed, which decides what sessions are held out; a measurer and a clock."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The engine, the model and the workload, found, read and surveyed once for all seeds."""

    setup: Setup
    survey: Survey
    measurer: RealMeasurer

    @classmethod
    def of(cls, setup: Setup, probe: GpuProbe, scratch: Path) -> Bench:
        """Of what `set_up` found; the survey is kept in the study's folder.

        Logs and private homes go to `scratch`. Raises `UserError` and `MachineError`.
        """
        plain = make_measurer(setup, scratch, probe)
        measurer = replace(plain, logs_dir=scratch / "logs", afterwards=())
        survey = surveyed(setup, measurer)
        return cls(setup, survey, replace(measurer, rendering=survey.rendering))

    def layout(self, seed: int) -> Layout:
        """Plans, space and judges of one seed."""
        request = replace(self.setup.request, seed=seed)
        return lay_out(replace(self.setup, request=request), self.survey)

    def make(self, seed: int, measurer: Measurer, clock: Stopwatch) -> LiveSetup:
        """For one search of one seed."""
        layout = self.layout(seed)
        keys = layout.judge.at_depth | layout.confirm_judge.at_depth
        return LiveSetup(
            space=layout.space,
            search_plan=layout.search_plan,
            confirm_plan=layout.confirm_plan,
            judge=Judge(layout.judge.objective, keys),
            feasibility=layout.feasibility,
            measurer=measurer,
            clock=clock,
        )
