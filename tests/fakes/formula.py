"""A small space, a plan of four turns, and a measurer that answers from a formula."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure
from autotune.records import TurnRecord
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.budget import Budget
from autotune.search.events import Event
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.judge import Judge
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger
from autotune.search.policies import IN_USE, POLICIES
from autotune.search.rungs import Rung
from autotune.search.search import Search
from autotune.search.space import Parameter, Space, Start
from autotune.search.suggest import make_sampler
from autotune.study.folder import StudyFolder
from autotune.study.storage import open_study
from autotune.trial.measurement import Enough, Measurement, RecordSink, TrialSeconds, never
from autotune.workload.model import Turn

SPACE = Space(
    "fake",
    (
        Parameter("batch-size", (128, 256, 512, 1024), 512, "batch size", ordered=True),
        Parameter("threads", (1, 2, 4), 2, "threads", ordered=True),
        Parameter("spec-type", ("none", "ngram"), "none", "speculation"),
        Parameter("spec-n", (4, 8), 8, "speculation", requires={"spec-type": ("ngram",)}),
    ),
    starts=(
        Start("drafts", "text repeats", {"spec-type": "ngram", "spec-n": 4}),
        Start("small batch", "short suffix", {"batch-size": 128}),
    ),
)


def plan_of(sessions: int = 2, turns: int = 2) -> ReplayPlan:
    """`sessions` sessions of `turns` turns, one after the other."""
    planned = tuple(
        PlannedTurn(s * turns + t, Turn(f"s{s}", t, ({"role": "user", "content": "x"},)), 10)
        for s in range(sessions)
        for t in range(turns)
    )
    return ReplayPlan(planned, History.CLOSED_LOOP, 1, "digest")


def ttft_of(settings: Mapping[str, Setting]) -> float:
    """The formula: seconds to first token; drafts and small batches are good."""
    value = 1.0 + float(settings["batch-size"]) / 1024 + abs(float(settings["threads"]) - 2)
    return value / (2.0 if settings["spec-type"] == "ngram" else 1.0)


@dataclass
class FormulaMeasurer:
    """Answers at once; `fails` gives a failure for settings, `before` may raise."""

    fails: Callable[[Mapping[str, Setting]], Failure | None] = lambda _: None
    before: Callable[[int], None] = lambda _: None
    scale: Callable[[Mapping[str, Setting]], float] = ttft_of
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    measured: list[dict[str, Setting]] = field(default_factory=list)
    arms: list[tuple[str, int]] = field(default_factory=list)

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
        self.before(len(self.measured))
        self.measured.append(dict(candidate.settings))
        self.arms.append((arm, block))
        failure = self.fails(candidate.settings)
        records: list[TurnRecord] = []
        for planned in () if failure else plan.turns:
            if enough():
                break
            records.append(self._record(candidate, planned, arm, block))
            sink(records[-1])
        whole = len(records) == len(plan.turns)
        seconds = TrialSeconds(load_s=1.0, replay_s=9.0 if whole else 2.0)
        return Measurement(
            candidate, arm, block, tuple(records), failure, seconds, whole,
            telemetry=self.telemetry,
        )  # fmt: skip

    def _record(self, candidate: Candidate, p: PlannedTurn, arm: str, block: int) -> TurnRecord:
        ttft_s = self.scale(candidate.settings) * (1 + 0.01 * p.order)
        return TurnRecord(
            arm=arm, block=block, order=p.order, session_id=p.turn.session_id, turn=p.turn.index,
            started_at="2026-01-01T00:00:00+00:00", asked_output_tokens=10, depth_tokens=1000,
            cached_tokens=900, computed_tokens=100, output_tokens=10, ttft_s=ttft_s,
            decode_tps=20.0, wall_s=ttft_s + 0.45, finish_reason="length",
        )  # fmt: skip


@dataclass
class Bench:
    """Runs a search in a folder, again and again."""

    path: Path
    events: list[Event] = field(default_factory=list)
    plan: ReplayPlan = field(default_factory=plan_of)
    rungs: tuple[Rung, ...] = ()

    @property
    def folder(self) -> StudyFolder:
        return StudyFolder(self.path)

    def run(
        self,
        measurer: Any,
        trials: int,
        *,
        space: Space = SPACE,
        seed: int = 0,
        stop: threading.Event | None = None,
        incumbent: Mapping[str, Setting] | None = None,
        policy: str = IN_USE.name,
        **more: Any,
    ) -> Ledger:
        keys = frozenset((p.turn.session_id, p.turn.index) for p in self.plan.turns)
        log = self.folder.turn_log()
        try:
            with open_study(self.folder, make_sampler(seed)) as study:
                return Search(
                    study=study,
                    space=space,
                    plan=self.plan,
                    measurer=measurer,
                    judge=Judge(Objective.TURN, keys),
                    feasibility=Feasibility(space, None, Limits(None, None), gpu=False),
                    budget=Budget(None, trials, time.monotonic, time.monotonic()),
                    log=log,
                    listener=self.events.append,
                    incumbent=incumbent,
                    stop=stop or threading.Event(),
                    read_turns=self.folder.read_turns,
                    seed=seed,
                    ladder=Ladder(self.rungs),
                    policy=POLICIES[policy],
                    **more,
                ).run()
        finally:
            log.close()
