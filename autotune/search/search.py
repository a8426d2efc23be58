"""The search itself: one trial after another until the budget, the count or the user ends it."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from autotune.candidate import Candidate, Setting
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import ASSUMED
from autotune.search.budget import Budget
from autotune.search.climb import Climb, climb, split
from autotune.search.climb_log import climb_sink, go_on, report_looks
from autotune.search.early_stop import LEAST_TRIALS, EarlyStop, early_stop
from autotune.search.events import Listener, TrialFinished, TrialStarted
from autotune.search.evidence import trial_error
from autotune.search.feasibility import Feasibility
from autotune.search.judge import Judge, Judged
from autotune.search.known import Known
from autotune.search.ladder import Ladder
from autotune.search.ledger import (
    COMPLETE,
    DUPLICATE,
    INFEASIBLE,
    REFUSED,
    STOPPED,
    Entry,
    Ledger,
    arm_name,
)
from autotune.search.policies import IN_USE, Policy
from autotune.search.pressure import is_beyond
from autotune.search.queue import (
    AGAIN,
    DEFAULT,
    INCUMBENT,
    Planned,
    Queue,
    interrupted_trials,
)
from autotune.search.race import Lead
from autotune.search.rung_looks import RungLook
from autotune.search.space import Space, to_settings
from autotune.search.suggest import draw_seed, suggest
from autotune.search.warm_start import COLD, WarmStart, allowed
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement, Measurer, TrialSeconds

if TYPE_CHECKING:
    from optuna import Study, Trial

    from autotune.search.steadiness import Steadiness

MAX_REPEATS = 30
"""Suggestions in a row that need no launch: by then the space holds nothing new."""


@dataclass(slots=True, kw_only=True)
class Search:
    """Everything one search needs; `run` does it. Nothing here prints."""

    study: Study
    space: Space
    plan: ReplayPlan
    measurer: Measurer
    judge: Judge
    feasibility: Feasibility
    budget: Budget
    log: TurnLog
    listener: Listener
    incumbent: Mapping[str, Setting] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    read_turns: Callable[[], Iterable[TurnRecord]] = tuple
    seed: int = 0
    unfit: frozenset[str] = frozenset()
    steady: Steadiness | None = None
    policy: Policy = IN_USE
    warm: WarmStart = COLD
    stop_early: bool = False
    ended: EarlyStop | None = None
    ladder: Ladder = field(default_factory=Ladder)
    ledger: Ledger = field(default_factory=Ledger)
    _lead: Lead = field(init=False)
    _cut_short: list[Planned] = field(default_factory=list)
    _repeats: int = 0

    def __post_init__(self) -> None:
        self._lead = Lead(self.judge, self.read_turns)

    def run(self) -> Ledger:
        """Search until done; the ledger then holds every finished trial.

        Raises `MachineError` when the study cannot go on; what was measured is on disk.
        """
        self._cut_short = interrupted_trials(self.study)
        self.ledger = Ledger(self.study.get_trials(deepcopy=False), self.unfit)
        while not self.stop.is_set() and self.budget.allows(self.ledger):
            if self._repeats >= MAX_REPEATS or self._is_enough():
                break
            self._one()
        return self.ledger

    def _one(self) -> None:
        queue = Queue(self._known(), self.policy)
        again = None if self.steady is None else self.steady.before_trial(self.ledger, self.budget)
        planned = self._cut_short[0] if self._cut_short else again or queue.next()
        if planned is not None:
            self._cut_short = self._cut_short[1:]
            attrs: dict[str, Any] = {"label": planned.label}
            if planned.retry_of is not None:
                attrs["retry_of"] = planned.retry_of
            self.study.enqueue_trial(dict(planned.values), user_attrs=attrs)
        else:
            self.study.sampler = self.policy.sampler(draw_seed(self.seed, len(self.ledger.entries)))
        with warnings.catch_warnings():
            # Heartbeat and grouped TPE are marked experimental; both are chosen on purpose.
            warnings.simplefilter("ignore")
            self.study.optimize(self._objective, n_trials=1)

    def _known(self) -> Known:
        luck = math.inf if self.steady is None else self.steady.luck
        return Known(
            ledger=self.ledger,
            space=self.space,
            feasibility=self.feasibility,
            incumbent=self.incumbent,
            seed=self.seed,
            floor=luck,
            error=trial_error(luck),
            warm=self.warm,
            warm_trials=allowed(self.budget.limit_s, self.budget.trials, self.ledger.typical_s),
        )

    def _is_enough(self) -> bool:
        """Whether nothing is left to gain that could be told from noise."""
        if not self.stop_early or self._cut_short or len(self.ledger.measured) < LEAST_TRIALS:
            return False
        floor = ASSUMED
        if self.steady is not None:
            self.steady.settle(self.ledger)
            floor = self.steady.anchors.floor_width
        self.ended = early_stop(self._known(), floor)
        return self.ended is not None

    def _is_late(self, climb: Climb) -> bool:
        """Ends a trial that takes what is kept back for the confirmation; an estimate is left of
        it. There is none without a best one, and then the trial is the study's first."""
        if climb.race is not None and self.budget.is_over(self.ledger):
            climb.race.lost = True
        return climb.is_over

    def _objective(self, trial: Trial) -> float:
        import optuna

        settings = to_settings(self.space, suggest(trial, self.space))
        candidate = Candidate(settings)
        changes = self.changes(settings)
        for name, value in (("key", candidate.key), ("settings", settings), ("changes", changes)):
            trial.set_user_attr(name, value)
        known = self.ledger.find(candidate.key)
        if known is not None and not str(trial.user_attrs.get("label", "")).startswith(AGAIN):
            entry = self._repeat(trial, known)
            self.ledger.add(entry)
        else:
            entry = self._measure(trial, candidate, changes)
        trial.set_constraint("feasible", 0.0 if entry.value is not None else 1.0)
        if entry.value is None:
            # Never FAIL: the sampler learns from a constraint and ignores a failure.
            raise optuna.TrialPruned(entry.reason)
        return entry.value

    def changes(self, settings: Mapping[str, Setting]) -> dict[str, Any]:
        """What differs from the engine's defaults; ``None`` for a flag that is left out."""
        base = to_settings(self.space, self.space.defaults)
        names = sorted(set(base) | set(settings))
        return {n: settings.get(n) for n in names if settings.get(n) != base.get(n)}

    def _repeat(self, trial: Trial, known: Entry) -> Entry:
        """Equal settings are never measured twice: the sampler is told what is known."""
        self._repeats += 1
        for name, value in (
            ("same_as", known.number), ("value", known.value), ("outcome", DUPLICATE),
        ):  # fmt: skip
            trial.set_user_attr(name, value)
        return Entry(
            trial.number, known.key, DUPLICATE, known.value, trial.user_attrs.get("label", ""),
            known.settings, known.changes, known.metrics, 0.0, known.failure, known.reason,
            dict(trial.params),
        )  # fmt: skip

    def _measure(self, trial: Trial, candidate: Candidate, changes: dict[str, Any]) -> Entry:
        label = str(trial.user_attrs.get("label", ""))
        self.listener(TrialStarted(trial.number, changes, label))
        refusal = self.feasibility.refusal(candidate)
        if refusal is not None:
            self._repeats += 1
            judged = Judged(None, None, refusal.kind.value, refusal.message)
            return self._finish(trial, candidate, changes, judged, None)
        self._repeats = 0
        climb, measurement = self._climbed(trial, candidate)
        while self.steady is not None and self.steady.again(measurement, self.ledger, self.budget):
            climb, measurement = self._climbed(trial, candidate)
        self.feasibility.learn(candidate, measurement.failure)
        judged = climb.judged(measurement) or self.judge.judge(measurement)
        return self._finish(trial, candidate, changes, judged, measurement, climb.looks)

    def _climbed(self, trial: Trial, candidate: Candidate) -> tuple[Climb, Measurement]:
        """Measure until the plan ends, the race is lost or a rung ends it."""
        made = self._climb(trial, candidate)
        target = made.target
        take = climb_sink(made, self.log, self.listener, trial.number)
        if made.is_over:
            arm = arm_name(trial.number)
            return made, Measurement(candidate, arm, 0, (), None, whole=False)
        measurement = self.measurer.measure(
            candidate,
            target,
            arm=arm_name(trial.number),
            block=0,
            sink=take,
            enough=lambda: self._is_late(made),
        )
        return made, split(measurement, self.plan, target)

    def _climb(self, trial: Trial, candidate: Candidate) -> Climb:
        best = self.ledger.best
        is_best = best is not None and best.key == candidate.key
        label = str(trial.user_attrs.get("label", ""))
        # The best is not raced against itself: no better than itself, it would lose.
        race = None if is_best else self._lead.race(self.ledger)
        made = climb(
            self.ladder,
            self.ledger,
            self.judge,
            self.plan,
            race,
            free=is_best or label in (DEFAULT, INCUMBENT) or label.startswith(AGAIN),
            beyond=best is not None and self._is_beyond(candidate, best),
        )
        cut_short = trial.user_attrs.get("retry_of")
        if cut_short is not None:
            go_on(made, self.log, self.read_turns(), cut_short, trial.number)
        return made

    def _is_beyond(self, candidate: Candidate, best: Entry) -> bool:
        records = self._lead.records
        return is_beyond(
            self.space, candidate.settings, best.settings, records, self.judge.at_depth
        )

    def _finish(
        self,
        trial: Trial,
        candidate: Candidate,
        changes: dict[str, Any],
        judged: Judged,
        measurement: Measurement | None,
        looks: Sequence[RungLook] = (),
    ) -> Entry:
        seconds = measurement.seconds if measurement else TrialSeconds()
        log = str(measurement.log_path) if measurement and measurement.log_path else None
        outcome = _outcome(judged, measurement)
        attrs: dict[str, Any] = {
            "value": judged.value,
            "failure": judged.failure,
            "reason": judged.reason,
            "metrics": judged.metrics,
            "seconds": asdict(seconds),
            "log": log,
            "effective": dict(measurement.effective) if measurement else {},
            "telemetry": dict(measurement.telemetry) if measurement else {},
            "extras": dict(measurement.extras) if measurement else {},
            "rungs": [look.to_json() for look in looks],
            "reached": len(measurement.records) / len(self.plan.turns) if measurement else 0.0,
            # Last: a trial with an outcome is finished, whatever kills us after this line.
            "outcome": outcome,
        }
        for name, value in attrs.items():
            trial.set_user_attr(name, value)
        entry = Entry(
            trial.number, candidate.key, outcome, judged.value,
            str(trial.user_attrs.get("label", "")), candidate.settings, changes, judged.metrics,
            seconds.total_s, judged.failure, judged.reason, dict(trial.params), attrs["extras"],
            attrs["rungs"], attrs["reached"],
        )  # fmt: skip
        report_looks(trial, looks)
        self.ledger.add(entry)
        best = self.ledger.best
        if measurement is not None and best is not None and best.key == entry.key:
            self._lead.note(entry.number, measurement.records)
        self._tell(entry, best, judged, log)
        return entry

    def _tell(self, entry: Entry, best: Entry | None, judged: Judged, log: str | None) -> None:
        # A partial score is over other turns than the rest: its figures compare with nothing.
        score = None if judged.partial else judged.score
        self.listener(
            TrialFinished(
                number=entry.number,
                changes=dict(entry.changes),
                turn_s=score.turn_s if score else None,
                ttft_p50_s=score.ttft_p50_s if score else None,
                ttft_p95_s=score.ttft_p95_s if score else None,
                decode_p50_tps=score.decode_p50_tps if score else None,
                total_wait_s=score.total_wait_s if score else None,
                kinds=score.kinds if score else (),
                value=entry.value,
                seconds=entry.seconds,
                failure=entry.failure,
                reason=entry.reason,
                log_path=log,
                stopped_early=judged.partial,
                is_best=best is not None and best.key == entry.key,
                best_number=best.number if best else None,
                best_value=best.value if best else None,
                seconds_left=self.budget.seconds_left(self.ledger),
                trials_done=len(self.ledger.measured),
            )
        )


def _outcome(judged: Judged, measurement: Measurement | None) -> str:
    if judged.value is not None:
        return STOPPED if judged.partial else COMPLETE
    return REFUSED if measurement is None else INFEASIBLE
