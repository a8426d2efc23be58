"""The search itself: one trial after another until the budget, the count or the user ends it."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from autotune.candidate import Candidate, Setting
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import ASSUMED
from autotune.search.budget import Budget
from autotune.search.climb import Climb, climb, split
from autotune.search.climb_log import climb_sink, go_on, report_looks
from autotune.search.early_stop import LEAST_TRIALS, EarlyStop, early_stop
from autotune.search.events import Listener, TrialStarted
from autotune.search.evidence import trial_error
from autotune.search.feasibility import Feasibility, failure_facts
from autotune.search.judge import Judge, Judged
from autotune.search.known import Known
from autotune.search.ladder import Ladder
from autotune.search.ledger import (
    COMPLETE,
    INFEASIBLE,
    REFUSED,
    STOPPED,
    Entry,
    Ledger,
    arm_name,
)
from autotune.search.member import ALONE, Member
from autotune.search.planned import FEWER
from autotune.search.policies import IN_USE, Policy
from autotune.search.pressure import Room, is_beyond
from autotune.search.queue import (
    AGAIN,
    DEFAULT,
    INCUMBENT,
    Planned,
    Queue,
)
from autotune.search.race import Lead, drift_of
from autotune.search.repeats import finished, repeat
from autotune.search.rung_looks import RungLook
from autotune.search.second_chance import SecondChance
from autotune.search.space import Space, to_settings
from autotune.search.suggest import draw_seed, suggest
from autotune.search.together import Others, TakenError, news
from autotune.search.twins import Twins
from autotune.search.warm_start import COLD, WarmStart, allowed
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement, Measurer, TrialSeconds

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

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
    twins: Twins = field(default_factory=Twins)
    member: Member = ALONE
    _chance: SecondChance = field(init=False)
    _lead: Lead = field(init=False)
    _cut_short: list[Planned] = field(default_factory=list)
    _repeats: int = 0
    _trials: Sequence[FrozenTrial] = ()
    _learnt: set[int] = field(default_factory=set)
    _others: Others = field(init=False)

    def __post_init__(self) -> None:
        self._lead = Lead(self.judge, self.read_turns, self.member.worker)
        self._chance = SecondChance(self.log)
        self._others = Others(self.study, self.member, self.space)

    def run(self) -> Ledger:
        """Search until done; the ledger then holds every finished trial.

        Raises `MachineError` when the study cannot go on; what was measured is on disk.
        """
        self._cut_short = self.member.lost(self.study)
        self.refresh()
        while not self.stop.is_set() and self.budget.allows(self.ledger, self._others.pending()):
            if self._repeats >= MAX_REPEATS or self._is_enough():
                break
            self._one()
            if not self.member.is_alone:
                self._cut_short = self.member.lost(self.study)
                self.refresh()
        return self.ledger

    def refresh(self) -> None:
        """Take in what is finished, by whomever."""
        self._trials = self.study.get_trials(deepcopy=False)
        self.ledger = Ledger(self._trials, self.ledger.unfit | self.unfit)
        new = news(self.ledger.entries, self._learnt)
        self.feasibility.relearn(new)
        self.twins.relearn(new)

    @property
    def mine(self) -> Ledger:
        """What this worker measured itself: all there is where it is alone."""
        return self.ledger.of_worker(self.member.worker)

    def _one(self) -> None:
        again = None if self.steady is None else self.steady.before_trial(self.mine, self.budget)
        if not self.member.is_alone:
            self.refresh()
        known = replace(self.known(), ledger=self._others.beside(self.ledger, self._trials))
        first = self._others.own_default(self.ledger)
        if first is None and self._cut_short:
            first, self._cut_short = self._cut_short[0], self._cut_short[1:]
        self._try(first or again or Queue(known, self.policy).next())

    def also(self, planned: Planned) -> None:
        """Measure `planned` although the search has ended; the ledger then holds it.

        One that an earlier run was cut short in is taken up where it was.
        """
        self._try(next((p for p in self._cut_short if p.label == planned.label), planned))

    def _try(self, planned: Planned | None) -> None:
        """One trial: what is planned, or what the policy's sampler draws."""
        if planned is not None:
            attrs: dict[str, Any] = {"label": planned.label, **self._others.signature}
            if planned.retry_of is not None:
                attrs["retry_of"] = planned.retry_of
            self.study.enqueue_trial(dict(planned.values), user_attrs=attrs)
        else:
            self.study.sampler = self.policy.sampler(draw_seed(self.seed, len(self.ledger.entries)))
        with warnings.catch_warnings():
            # Heartbeat and grouped TPE are marked experimental; both are chosen on purpose.
            warnings.simplefilter("ignore")
            self.study.optimize(self._objective, n_trials=1, catch=(TakenError,))

    def known(self) -> Known:
        """Everything that what comes next is decided by, as it is now."""
        return Known(
            ledger=self.ledger,
            space=self.space,
            feasibility=self.feasibility,
            incumbent=self.incumbent,
            seed=self.seed,
            floor=self._luck,
            error=trial_error(self._luck),
            warm=self.warm,
            warm_trials=allowed(self.budget.limit_s, self.budget.trials, self.ledger.typical_s),
        )

    @property
    def _luck(self) -> float:
        return math.inf if self.steady is None else self.steady.luck

    def _is_enough(self) -> bool:
        """Whether nothing is left to gain that could be told from noise."""
        if not self.stop_early or self._cut_short or len(self.ledger.measured) < LEAST_TRIALS:
            return False
        floor = ASSUMED
        if self.steady is not None:
            self.steady.settle(self.mine)
            floor = self.steady.anchors.floor_width
        self.ended = early_stop(self.known(), floor)
        return self.ended is not None

    def _is_late(self, climb: Climb) -> bool:
        """Ends a trial that takes what is kept back for the confirmation; an estimate is left of
        it. There is none without a best one, and then the trial is the study's first."""
        if climb.race is not None and self.budget.is_over(self.ledger):
            climb.race.lost = True
        return climb.is_over

    def _objective(self, trial: Trial) -> float:
        import optuna

        for name, worker in self._others.signature.items():
            trial.set_user_attr(name, worker)
        settings = to_settings(self.space, suggest(trial, self.space))
        candidate = Candidate(settings)
        changes = self.changes(settings)
        for name, value in (("key", candidate.key), ("settings", settings), ("changes", changes)):
            trial.set_user_attr(name, value)
        if not self.member.is_alone:
            self._others.yield_to(trial, candidate.key)
            self.refresh()
        known = None if self._is_free(trial) else self.known_as(candidate)
        if known is not None:
            self._repeats += 1
            entry = repeat(trial, known, candidate, changes)
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

    def _is_free(self, trial: Trial) -> bool:
        """Whether it is measured whatever is known: a second look, or what is to be confirmed."""
        label = str(trial.user_attrs.get("label", ""))
        return label.startswith((AGAIN, FEWER)) or (label == DEFAULT and not self.member.is_alone)

    def known_as(self, candidate: Candidate) -> Entry | None:
        """The trial of these settings, or of others that the engine runs just like them."""
        twin = self.twins.before(candidate.settings)
        return self.ledger.find(candidate.key) or (self.ledger.find(twin) if twin else None)

    def _measure(self, trial: Trial, candidate: Candidate, changes: dict[str, Any]) -> Entry:
        label = str(trial.user_attrs.get("label", ""))
        self.listener(TrialStarted(trial.number, changes, label))
        refusal = self.feasibility.refusal(candidate)
        if refusal is not None:
            self._repeats += 1
            judged = Judged(None, None, refusal.kind.value, refusal.message)
            return self._finish(trial, candidate, changes, judged, None)
        self._repeats = 0
        self.twins.watch("" if self._is_free(trial) else arm_name(trial.number))
        climb, measurement = self._climbed(trial, candidate)
        while self._again(measurement):
            climb, measurement = self._climbed(trial, candidate)
        if (twin := self._launched_twin(candidate, measurement)) is not None:
            return self._end_twin(trial, candidate, changes, twin, measurement)
        self.feasibility.learn(candidate, measurement.failure, trial.number)
        if measurement.failure is None:
            self.twins.learn(candidate.settings, measurement.effective)
        judged = climb.judged(measurement) or self.judge.judge(measurement)
        return self._finish(trial, candidate, changes, judged, measurement, climb.looks)

    def _again(self, measurement: Measurement) -> bool:
        """Whether it is made once more: others used the machine, or it broke down."""
        if self.steady is not None and self.steady.again(measurement, self.mine, self.budget):
            return True
        left_s, first = self.budget.search_left_s(self.ledger), not self.ledger.measured
        return self._chance.again(measurement, left_s, needed=first)

    def _launched_twin(self, candidate: Candidate, measurement: Measurement) -> Entry | None:
        """The trial that a launch without a single turn turned out to be like."""
        if measurement.failure is not None or measurement.records or not measurement.effective:
            return None
        twin = self.twins.after(candidate.settings, measurement.effective)
        return None if twin is None else self.ledger.find(twin)

    def _end_twin(
        self,
        trial: Trial,
        candidate: Candidate,
        changes: dict[str, Any],
        known: Entry,
        launched: Measurement,
    ) -> Entry:
        """What `known` showed stands for a config that was launched and not replayed."""
        entry = repeat(trial, known, candidate, changes, launched)
        self.ledger.add(entry)
        judged = Judged(None, known.value, known.failure, entry.reason, partial=True)
        self.listener(finished(entry, judged, None, self.ledger, self.budget))
        return entry

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
        # The best is not raced against itself: no better than itself, it would lose. No more is a
        # smaller form of it, which is to be as fast.
        is_smaller = label.startswith(FEWER)
        drift = drift_of(self._luck)
        race = None if is_best or is_smaller else self._lead.race(self.ledger, drift)
        beyond = best is not None and self._is_beyond(candidate, best)
        made = climb(
            self.ladder,
            self.mine,
            self.judge,
            self.plan,
            race,
            free=is_best or label in (DEFAULT, INCUMBENT) or label.startswith((AGAIN, FEWER)),
            beyond=beyond,
            room=Room.beside(self._lead.records) if beyond else None,
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
        label = str(trial.user_attrs.get("label", ""))
        judged, raw = self._others.compared(judged, label, self.ledger)
        seconds = measurement.seconds if measurement else TrialSeconds()
        log = str(measurement.log_path) if measurement and measurement.log_path else None
        outcome = _outcome(judged, measurement)
        attrs: dict[str, Any] = {
            **raw,
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
            "failure_facts": failure_facts(measurement.failure) if measurement else {},
            # Last: a trial with an outcome is finished, whatever kills us after this line.
            "outcome": outcome,
        }
        for name, value in attrs.items():
            trial.set_user_attr(name, value)
        entry = Entry(
            trial.number, candidate.key, outcome, judged.value,
            label, candidate.settings, changes, judged.metrics,
            seconds.total_s, judged.failure, judged.reason, dict(trial.params), attrs["extras"],
            attrs["rungs"], attrs["reached"], attrs["failure_facts"], attrs["effective"],
            self.member.worker,
        )  # fmt: skip
        report_looks(trial, looks)
        self.ledger.add(entry)
        best = self.ledger.best
        if measurement is not None and best is not None and best.key == entry.key:
            self._lead.note(entry.number, measurement.records)
        self.listener(finished(entry, judged, log, self.ledger, self.budget))
        return entry


def _outcome(judged: Judged, measurement: Measurement | None) -> str:
    if judged.value is not None:
        return STOPPED if judged.partial else COMPLETE
    return REFUSED if measurement is None else INFEASIBLE
