"""One run from request to verdict; it continues the study that is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.hardware.probe import gpu_probe
from autotune.launchers.leftovers import sweep_leftovers
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.held import Held
from autotune.search.account import HOLD, QUALITY, SETUP, Account, Booked, open_account
from autotune.search.budget import Budget
from autotune.search.confirm import Arm, Confirmation, Confirmed, Key, finished_blocks
from autotune.search.early_stop import EarlyStop
from autotune.search.effects_setup import EffectsRounds, EffectsTime, effects_time, simplifier
from autotune.search.events import Listener, Prepared, Summary
from autotune.search.finals import launches, prove, room_for, sides
from autotune.search.free_gpu import require_free_gpu
from autotune.search.guarding import guarded
from autotune.search.hold import NOT_HELD, Holder, Holding, confirmed_and_held, searching_s
from autotune.search.hold_book import refusals, refused_keys, relearn
from autotune.search.home import Home, OwnHome
from autotune.search.hurry import patience_of
from autotune.search.importance import told_importance
from autotune.search.ladder_report import ladder_report
from autotune.search.layout import Layout, lay_out
from autotune.search.ledger import Entry, Ledger, arm_name
from autotune.search.opening import make_measurer, make_search, scratch
from autotune.search.outcome import Outcome, decide, write_result
from autotune.search.planned import FEWER
from autotune.search.quality_gate import QualityGate, behind
from autotune.search.request import RunRequest
from autotune.search.search import Search
from autotune.search.setup import Setup
from autotune.search.shared import stored_shared
from autotune.search.simplify import Simplifier
from autotune.search.steadiness import Steadiness, beside_s, steadiness
from autotune.search.suggest import make_sampler
from autotune.search.surveying import surveyed
from autotune.search.twins import Twins
from autotune.search.warm_scan import warm_start_of
from autotune.search.warm_start import COLD, WarmStart
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurer
from autotune.trial.real import RealMeasurer
from autotune.trial.side_by_side import depth_notes
from autotune.trial.survey import Survey

OWN = OwnHome()


def run_study(
    request: RunRequest,
    listener: Listener,
    stop: threading.Event | None = None,
    home: Home = OWN,
) -> Summary:
    """Run, or continue, the study that `request` names.

    `stop` is the polite stop: the trial under way is finished, and the summary says how to
    resume. `home` is where the study lives. Raises `UserError` and `MachineError`; what was
    measured is on disk whatever happens.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())
        setup = home.set_up(request, probe)
        _check_kind(setup)
        stack.enter_context(home.locked(setup.folder))
        sweep_leftovers()
        require_free_gpu(setup, probe)
        measurer = make_measurer(setup, stack.enter_context(scratch()), probe)
        survey = surveyed(setup, measurer)
        shared = stored_shared(setup.folder)
        layout = lay_out(setup, survey, shared)
        guarding = time.monotonic()
        layout, gate = guarded(setup, survey, layout, measurer, shared)
        guarded_s = time.monotonic() - guarding
        home.check(setup, layout)
        relearn(layout.feasibility, setup.folder)
        run = _Run(
            setup, layout, replace(measurer, rendering=survey.rendering), listener,
            stop or threading.Event(), started, survey, gate, guarded_s, home,
        )  # fmt: skip
        return run.go()


def _check_kind(setup: Setup) -> None:
    """Refuse to go on with a contest as if it were the study of one engine."""
    folder = setup.folder
    if folder.exists() and folder.engine_studies():
        names = ",".join(study.name for study in folder.engine_studies())
        raise UserError(
            f"study {folder.name} is a contest of {names}",
            f"name those engines (--engine {names}), or another study with --study",
        )


@dataclass(slots=True)
class _Run:
    """One run under the study's lock."""

    setup: Setup
    layout: Layout
    measurer: RealMeasurer
    listener: Listener
    stop: threading.Event
    started: float
    survey: Survey
    gate: QualityGate | None
    guarded_s: float
    home: Home
    log: TurnLog = field(init=False)
    budget: Budget = field(init=False)
    steady: Steadiness = field(init=False)
    account: Account = field(init=False)
    search: Search = field(init=False)
    warm: WarmStart = COLD
    ended: EarlyStop | None = None
    effects: EffectsTime = field(init=False)
    short_plan: ReplayPlan = field(init=False)
    simplifier: Simplifier | None = None

    def go(self) -> Summary:
        """Search, then confirm, then say how it ended."""
        folder, layout = self.setup.folder, self.layout
        sampler = make_sampler(self.setup.request.seed)
        self.log = log = folder.turn_log()
        try:
            with self.home.opened(folder, sampler) as study:
                before = Ledger(study.get_trials(deepcopy=False), refused_keys(folder))
                self.account = self._account(before)
                self.effects, self.short_plan = self._effects()
                self.budget = self._budget()
                patience = patience_of(self.budget, lambda: self.search.ledger, self._left_s)
                twins = Twins()
                self.measurer = replace(self.measurer, patience=patience, seen=twins.is_seen)
                self.steady = steadiness(self.setup, layout, self.measurer, log, self.listener)
                self.steady.anchors.measurer = self._booked(self.steady.anchors.measurer)
                self.warm = self._warm(before)
                self.listener(self._prepared(before))
                self.search = make_search(
                    self.setup,
                    layout,
                    study,
                    measurer=self._booked(behind(self.gate, self.measurer)),
                    budget=self.budget,
                    log=log,
                    listener=self.listener,
                    stop=self.stop,
                    steady=self.steady,
                    warm=self.warm,
                    stop_early=self.setup.request.early_stop,
                    twins=twins,
                    member=self.home.member,
                )
                ledger = self.home.searched(self)
                self.ended = self.search.ended
                if self.stop.is_set() or not ledger.ranked or ledger.baseline is None:
                    return self.stopped(ledger)
                return self.home.ended(self, ledger)
        finally:
            log.close()

    def proved(self, ledger: Ledger) -> Summary:
        """Confirm the best of `ledger`, write the verdict and tell it."""
        return self._end(ledger, *self._proved(ledger, self.log))

    def stopped(self, ledger: Ledger) -> Summary:
        """How it stands without a confirmation."""
        return self._end(ledger, None)

    def checked(self, ledger: Ledger, arms: list[Arm]) -> Confirmed:
        """`arms` against the default once more: what another machine found to be best."""
        blocks = self.setup.request.effective_confirm_blocks
        searched = len(ledger.searched(FEWER).measured)
        earlier = finished_blocks(list(self.setup.folder.read_turns()))
        self.steady.settle(self.search.mine)
        return self._round(f"check-{searched:04d}", blocks, earlier).run(arms)

    def _proved(self, ledger: Ledger, log: TurnLog) -> tuple[Confirmed, Holding]:
        """Confirmed, and held to depth unless that is not wanted."""
        self.steady.settle(self.search.mine)
        self.simplifier = self._simplifier(log)
        if not self.setup.request.hold:
            return self._confirm(ledger), Holding(note=NOT_HELD)
        holder = Holder(
            round_name=f"hold-{len(ledger.measured):04d}",
            log=log,
            listener=self.listener,
            stop=self.stop,
            left_s=self._left_s,
        )
        confirmed, holding = confirmed_and_held(
            ledger,
            lambda refused: self._confirm(ledger, refused),
            lambda entry, arm: self._hold(holder, entry, arm),
            refused=refusals(self.setup.folder),
            may_go_on=lambda: self._has_time_for(ledger),
        )
        return confirmed, replace(holding, seconds=holder.seconds)

    def _hold(self, holder: Holder, entry: Entry, arm: str) -> Held | None:
        with self.account.timing(HOLD):
            return holder.hold(self, entry, arm)

    def _account(self, before: Ledger) -> Account:
        """What led up to here is booked already: reading, the survey, the guard's reference."""
        folder = self.setup.folder
        records_s = before.spent_s + beside_s(folder.read_turns())
        account = open_account(folder, time.monotonic, self.started, records_s)
        account.book(QUALITY, self.guarded_s if self.gate is not None else 0.0)
        account.book(SETUP, time.monotonic() - self.started - account.booked_s)
        return account

    def _warm(self, before: Ledger) -> WarmStart:
        """What earlier studies know; a study that was begun cold stays so."""
        setup = self.setup
        if not setup.request.warm_start:
            return COLD
        if before.entries and setup.folder.read_warm_start() is None:
            return COLD
        return warm_start_of(setup.folder, setup.request.studies_dir, self.layout.space)

    def _booked(self, measurer: Measurer) -> Measurer:
        return Booked(measurer, self.account)

    def _left_s(self) -> float | None:
        limit = self.setup.request.effective_budget_s
        return None if limit is None else limit - self.budget.elapsed_s()

    def _has_time_for(self, ledger: Ledger) -> bool:
        """Whether one more candidate can be confirmed, in one block against the default."""
        left_s, cost_s = self._left_s(), ledger.typical_s * self.budget.confirm_share_of_trial
        return not self.stop.is_set() and (left_s is None or 2 * cost_s <= left_s)

    def _effects(self) -> tuple[EffectsTime, ReplayPlan]:
        request = self.setup.request
        return effects_time(
            self.layout,
            self.account,
            blocks=request.effective_confirm_blocks,
            wanted=request.effects,
        )

    def _simplifier(self, log: TurnLog) -> Simplifier:
        """What each change of a finalist is worth, and which of them do nothing."""
        rounds = EffectsRounds(
            layout=self.layout,
            measurer=self._booked(replace(self.measurer, afterwards=())),
            log=log,
            listener=self.listener,
            budget=self.budget,
            time=self.effects,
            folder=self.setup.folder,
            seed=self.setup.request.seed,
            stop=self.stop,
            steady=self.steady,
            ledger=self.search.ledger,
        )
        return simplifier(rounds, self.search, self.short_plan)

    def _smaller(self, arm: Arm) -> Arm:
        """The arm that is confirmed in place of a finalist's."""
        entry = next((e for e in self.search.ledger.ranked if e.number == arm.number), None)
        if entry is None or self.simplifier is None:
            return arm
        chosen = self.simplifier.run(entry).entry
        return Arm(arm_name(chosen.number), Candidate(chosen.settings), chosen.number)

    def _budget(self) -> Budget:
        request, layout = self.setup.request, self.layout
        share = len(layout.confirm_plan.turns) / max(1, len(layout.search_plan.turns))
        limit_s = searching_s(request)
        return Budget(
            limit_s=limit_s,
            trials=request.trials,
            clock=time.monotonic,
            started_s=self.started,
            spent_before_s=sum(self.account.earlier.values()),
            confirm_launches=lambda ledger: launches(ledger, request.effective_confirm_blocks),
            confirm_share_of_trial=share,
            effects_s=lambda ledger: self.effects.reserve_s(limit_s, ledger),
        )

    def _prepared(self, before: Ledger) -> Prepared:
        setup, layout, request = self.setup, self.layout, self.setup.request
        plan, depths = layout.search_plan, depth_notes(layout.depth_rows)
        return Prepared(
            study=setup.folder.name,
            study_dir=str(setup.folder.path),
            engine=setup.build.engine,
            engine_version=setup.build.version,
            model=setup.model_path.name,
            gpu=setup.gpu_name,
            workload_sessions=len(plan.session_ids),
            workload_turns=len(plan.turns),
            held_out_sessions=len(layout.confirm_plan.session_ids) if layout.held_out else 0,
            deepest_tokens=layout.deepest_tokens,
            depth_label=layout.depth_label,
            parameters=len(layout.space.parameters),
            trials_done=len(before.measured),
            trials_wanted=request.trials,
            budget_s=request.effective_budget_s,
            notes=(*setup.notes, *self.survey.notes, *layout.notes, *depths, *self.warm.notes),
        )

    def _confirm(self, ledger: Ledger, refused: int = 0) -> Confirmed:
        """`refused` counts the winners before this one that did not hold."""
        found = ledger.searched(FEWER)
        searched = len(found.measured)
        request = self.setup.request
        blocks = request.effective_confirm_blocks
        launch_s = ledger.typical_s * self.budget.confirm_share_of_trial
        earlier = finished_blocks(list(self.setup.folder.read_turns()))
        begun = any(arm.startswith(f"heat-{searched:04d}-") for arm, _ in earlier)
        # A heat that was begun is finished, however little is left: it decides who is confirmed.
        left_s = None if begun else self._confirm_left_s(ledger)
        room = room_for(left_s, launch_s, blocks, sides(found))

        def make(stem: str, blocks: int) -> Confirmation:
            more = 0 if stem == "heat" else request.further_blocks
            if refused and stem == "confirm":
                stem = f"confirm{refused + 1}"
            return self._round(f"{stem}-{searched:04d}", blocks, earlier, more)

        return prove(found, make, blocks, room, self._smaller)

    def _round(
        self,
        name: str,
        blocks: int,
        earlier: Mapping[Key, tuple[TurnRecord, ...]],
        more: int = 0,
    ) -> Confirmation:
        """A round on the held-out sessions; `earlier` are blocks that are known."""
        return Confirmation(
            plan=self.layout.confirm_plan,
            measurer=self._booked(self.measurer),
            judge=self.layout.confirm_judge,
            log=self.log,
            listener=self.listener,
            round_name=name,
            blocks=blocks,
            budget=self.budget,
            seed=self.setup.request.seed,
            held_out=self.layout.held_out,
            stop=self.stop,
            earlier=earlier,
            clean=self.steady.clean,
            floor=self.steady.floor,
            more=more,
        )

    def _confirm_left_s(self, ledger: Ledger) -> float | None:
        """For the heat and the confirmation, what the winner's changes may take kept back."""
        left_s = self.budget.confirm_left_s()
        return None if left_s is None else left_s - self.budget.effects_s(ledger)

    def _end(
        self, ledger: Ledger, confirmed: Confirmed | None, holding: Holding | None = None
    ) -> Summary:
        outcome: Outcome = decide(
            self.setup, self.layout, ledger, confirmed, self.stop.is_set(), holding
        )
        noise = self.steady.report(self.search.mine)
        self.account.save()
        seed, rungs = self.setup.request.seed, self.layout.rungs
        told = replace(
            outcome.summary,
            noise=noise,
            ladder=ladder_report(rungs, ledger, seed=seed),
            seconds=self.account.told(),
            early_stop=None if self.ended is None else self.ended.to_json(),
            notes=(*outcome.summary.notes, *([self.ended.sentence] if self.ended else [])),
            importance=told_importance(ledger, self.layout.space),
        )
        told = told if self.simplifier is None else self.simplifier.told(told)
        outcome = replace(outcome, summary=told)
        if outcome.is_final:
            write_result(self.setup, self.layout, outcome)
        return outcome.summary
