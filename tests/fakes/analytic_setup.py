"""A made-up engine of three flags whose every turn takes what a formula says.

    seconds = BASE * SIZES[size] * SLOTS[slots] * (DRAFT[draft] of mode "draft")

The default is slow, the optimum is known, one corner does not run, and a launch takes ten seconds.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.candidate import Candidate
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.judge import Judge
from autotune.search.space import Parameter, Space
from autotune.trial.measurement import Enough, Measurement, RecordSink, TrialSeconds, never
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock
from autotune.workload.model import Turn

LOAD_S, BASE_S, TOKENS = 10.0, 2.0, 21
SIZES = {128: 1.5, 256: 1.2, 512: 1.0, 1024: 0.9}
SLOTS = {1: 0.8, 2: 0.9, 4: 1.0}
DRAFTS = {4: 0.7, 8: 0.5, 16: 0.6}

SPACE = Space(
    "made-up",
    (
        Parameter("ubatch-size", tuple(SIZES), 512, "batch size", ordered=True),
        Parameter("parallel", tuple(SLOTS), 4, "cache slots", ordered=True),
        Parameter("mode", ("plain", "draft"), "plain", "speculation"),
        Parameter(
            "draft-max",
            tuple(DRAFTS),
            4,
            "speculation",
            ordered=True,
            requires={"mode": ("draft",)},
        ),
    ),
)
WORTH = 0.5 + 0.5 * TOKENS / (TOKENS - 1)
"""Value of a turn of one second: half of it is TTFT, the rest a rate over one token less."""

OPTIMUM = WORTH * BASE_S * 0.9 * 0.8 * 0.5
"""1024, one slot, drafts of eight. 1024 with four slots runs out of memory."""


def plan_of(sessions: int = 4, turns: int = 6, first: int = 0) -> ReplayPlan:
    """`sessions` sessions one after the other; `first` is the number of the first one."""
    planned = tuple(
        PlannedTurn(
            s * turns + t, Turn(f"s{first + s}", t, ({"role": "user", "content": "x"},)), TOKENS
        )
        for s in range(sessions)
        for t in range(turns)
    )
    return ReplayPlan(planned, History.CLOSED_LOOP, 1, f"plan-{first}")


def seconds_of(settings: Any) -> float | None:
    """Of one turn; ``None`` for what does not run."""
    if settings["ubatch-size"] == 1024 and settings["parallel"] == 4:
        return None
    draft = DRAFTS[settings["draft-max"]] if settings["mode"] == "draft" else 1.0
    return BASE_S * SIZES[settings["ubatch-size"]] * SLOTS[settings["parallel"]] * draft


@dataclass
class Analytic:
    """A measurer by the formula; `noise` is the deviation of a turn's log time, `seed` its seed."""

    noise: float = 0.0
    seed: int = 0
    launches: list[str] = field(default_factory=list)

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        self.launches.append(arm)
        turn_s = seconds_of(candidate.settings)
        if turn_s is None:
            failure = Failure(FailureKind.OUT_OF_MEMORY, "no room")
            return Measurement(candidate, arm, block, (), failure, TrialSeconds(LOAD_S))
        rng = random.Random(f"{self.seed}|{arm}|{block}|{candidate.key}|{len(self.launches)}")
        records: list[TurnRecord] = []
        for planned in plan.turns:
            if enough():
                break
            records.append(self._record(planned, turn_s, arm, block, rng))
            sink(records[-1])
        replay_s = sum(r.wall_s or 0.0 for r in records)
        whole = len(records) == len(plan.turns)
        seconds = TrialSeconds(LOAD_S, replay_s=replay_s)
        return Measurement(candidate, arm, block, tuple(records), None, seconds, whole=whole)

    def _record(
        self, planned: PlannedTurn, turn_s: float, arm: str, block: int, rng: random.Random
    ) -> TurnRecord:
        took_s = turn_s * math.exp(rng.gauss(0.0, self.noise))
        return TurnRecord(
            arm=arm,
            block=block,
            order=planned.order,
            session_id=planned.turn.session_id,
            turn=planned.turn.index,
            started_at="2000-01-01T00:00:00+00:00",
            asked_output_tokens=planned.output_tokens,
            depth_tokens=5_000,
            output_tokens=planned.output_tokens,
            ttft_s=took_s / 2,
            decode_tps=(planned.output_tokens - 1) / (took_s / 2),
            wall_s=took_s,
            finish_reason="length",
        )


@dataclass(frozen=True)
class AnalyticSetup:
    """The tuple that every setup is."""

    space: Space
    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    judge: Judge
    feasibility: Feasibility
    measurer: ClockedMeasurer
    clock: VirtualClock
    analytic: Analytic


def analytic_setup(noise: float = 0.0, seed: int = 0) -> AnalyticSetup:
    """Fresh for one search. Turns count with `TOKENS` tokens, so a turn is worth its seconds."""
    clock, analytic = VirtualClock(), Analytic(noise, seed)
    plans = plan_of(first=0), plan_of(first=4)
    keys = frozenset((p.turn.session_id, p.turn.index) for plan in plans for p in plan.turns)
    return AnalyticSetup(
        space=replace(SPACE),
        search_plan=plans[0],
        confirm_plan=plans[1],
        judge=Judge(Objective.TURN, keys),
        feasibility=Feasibility(SPACE, None, Limits(None, None), gpu=False),
        measurer=ClockedMeasurer(analytic, clock),
        clock=clock,
        analytic=analytic,
    )
