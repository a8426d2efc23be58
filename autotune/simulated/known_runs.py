"""What an engine makes of a plan, worked out once for every config: no seed changes it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from autotune.candidate import Candidate
from autotune.replay.plan import ReplayPlan
from autotune.simulated.prompts import PlanShapes, plan_key
from autotune.simulated.served import Engine, Run

MOST_RUNS = 4096
"""Kept; those that were asked for longest ago go first."""


@dataclass(slots=True)
class KnownRuns:
    """Runs of one engine without noise and faults, and the shapes of its plans."""

    _shapes: PlanShapes = field(default_factory=PlanShapes)
    _runs: OrderedDict[tuple[str, tuple[str, int]], Run] = field(default_factory=OrderedDict)

    def run(self, engine: Engine, candidate: Candidate, plan: ReplayPlan) -> Run:
        """What `engine` makes of `plan` under the settings of `candidate`."""
        key = (candidate.key, plan_key(plan))
        known = self._runs.get(key)
        if known is None:
            known = self._runs[key] = engine.run(candidate.settings, self._shapes.of(plan))
            if len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)
        else:
            self._runs.move_to_end(key)
        return known
