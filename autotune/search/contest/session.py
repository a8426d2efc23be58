"""One contest from request to verdict; it continues the one that is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import psutil

from autotune.hardware.probe import gpu_probe
from autotune.launchers.leftovers import sweep_leftovers
from autotune.search.account import HOLD, SETUP, Account, Booked, open_account
from autotune.search.budget import Budget
from autotune.search.confirm import finished_blocks
from autotune.search.contest.budget import ContestBudget
from autotune.search.contest.finals import Finals, Proof
from autotune.search.contest.hold import hold_proof, known_refusals
from autotune.search.contest.noise import contest_noise
from autotune.search.contest.opened import Opened, contest_folder, open_all, set_up_all
from autotune.search.contest.outcome import Ended
from autotune.search.contest.provenance import check_all
from autotune.search.contest.request import ContestRequest
from autotune.search.contest.rounds import Rounds
from autotune.search.contest.side import Side, Told, Whole, closed_gate
from autotune.search.events import ContestPrepared, EngineFacts, Listener, Summary
from autotune.search.free_gpu import require_free_gpu
from autotune.search.hold import Holder, Holding, searching_s
from autotune.search.hold_book import refused_keys, relearn
from autotune.search.ledger import Ledger
from autotune.search.opening import make_search, scratch
from autotune.search.quality_gate import behind
from autotune.search.remeasure import Remeasure
from autotune.search.steadiness import beside_s, steadiness
from autotune.search.suggest import make_sampler
from autotune.search.twins import Twins
from autotune.search.warm_scan import warm_start_of
from autotune.search.warm_start import COLD, WarmStart
from autotune.study.folder import StudyFolder
from autotune.study.lock import study_lock
from autotune.study.storage import load_trials, open_study
from autotune.study.turn_log import TurnLog
from autotune.trial.side_by_side import depth_notes


def run_contest(
    request: ContestRequest, listener: Listener, stop: threading.Event | None = None
) -> Summary:
    """Run, or continue, the contest that `request` names.

    `stop` is the polite stop: the trial under way is finished, and the summary says how to
    resume. One engine runs at a time. Raises `UserError` and `MachineError`; what was measured is
    on disk whatever happens.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())
        folder = contest_folder(request, probe)
        setups = set_up_all(request, folder, probe)
        stack.enter_context(study_lock(folder.lock_path))
        for setup in setups.values():
            stack.enter_context(study_lock(setup.folder.lock_path))
        sweep_leftovers()
        require_free_gpu(next(iter(setups.values())), probe)
        work_dir = stack.enter_context(scratch())
        opened, shared, notes = open_all(request, setups, work_dir, probe)
        check_all(folder, opened, shared, request.baseline)
        run = _Run(request, folder, opened, notes, listener, stop or threading.Event(), started)
        return run.go(stack)


@dataclass(slots=True)
class _Run:
    """One run under the locks of the contest and of its studies."""

    request: ContestRequest
    folder: StudyFolder
    opened: Sequence[Opened]
    notes: tuple[str, ...]
    listener: Listener
    stop: threading.Event
    started: float
    account: Account = field(init=False)

    def go(self, stack: ExitStack) -> Summary:
        """Search in rounds, then confirm across engines, then say how it ended."""
        log = self.folder.turn_log()
        stack.callback(log.close)
        whole = Whole((), lambda: None)
        self.account = open_account(self.folder, time.monotonic, self.started, self._known_s())
        self.account.book(SETUP, time.monotonic() - self.started)
        budget = self._budget()
        self.opened = [self._patient(one, budget, whole) for one in self.opened]
        sides = tuple(self._side(one, whole, stack) for one in self.opened)
        whole.sides, whole.seconds_left = sides, lambda: budget.seconds_left(sides)
        self.listener(self._prepared(sides))
        Rounds(
            sides=sides,
            budget=budget,
            listener=self.listener,
            stop=self.stop,
            seed=self.request.shared.seed,
        ).run()
        clean = Remeasure(log=log, cores=psutil.cpu_count() or 1)
        proof = None if self.stop.is_set() else self._prove(sides, budget, log, clean)
        holding = None
        if proof is not None and not self.stop.is_set():
            proof, holding = self._held(proof, sides, budget, log)
        ended = Ended(
            request=self.request,
            folder=self.folder,
            opened=self.opened,
            sides=sides,
            proof=proof,
            stopped=self.stop.is_set(),
            holding=holding,
            account=self.account,
            noise=contest_noise(sides, self.request.baseline, self.folder.read_turns(), clean),
        )
        return ended.summary()

    def _side(self, one: Opened, whole: Whole, stack: ExitStack) -> Side:
        """One engine's search, with what its study already holds."""
        folder = one.setup.folder
        log, gate = folder.turn_log(), closed_gate()
        stack.callback(log.close)
        warm = self._warm(one)
        study = stack.enter_context(open_study(folder, make_sampler(self.request.shared.seed)))
        told = Told(one.label, self.listener, whole)
        steady = steadiness(one.setup, one.layout, one.measurer, log, told)
        steady.anchors.measurer = Booked(steady.anchors.measurer, self.account, one.label)
        twins = Twins()
        measurer = replace(one.measurer, seen=twins.is_seen)
        search = make_search(
            one.setup,
            one.layout,
            study,
            measurer=Booked(behind(one.gate, measurer), self.account, one.label),
            budget=gate,
            log=log,
            listener=told,
            stop=self.stop,
            steady=steady,
            warm=warm,
            stop_early=self.request.shared.early_stop,
            twins=twins,
        )
        search.ledger = Ledger(study.get_trials(deepcopy=False), refused_keys(folder))
        relearn(one.layout.feasibility, folder)
        layout = one.layout
        share = len(layout.confirm_plan.turns) / max(1, len(layout.search_plan.turns))
        return Side(one.label, search, gate, share)

    def _warm(self, one: Opened) -> WarmStart:
        """What earlier studies of this engine know; a contest that was begun cold stays so."""
        shared, folder = self.request.shared, one.setup.folder
        begun_cold = folder.database.is_file() and folder.read_warm_start() is None
        if begun_cold or not shared.warm_start:
            return COLD
        return warm_start_of(folder, shared.studies_dir, one.layout.space)

    def _known_s(self) -> float:
        """What the studies' records show of former runs."""
        folders = [one.setup.folder for one in self.opened]
        trials = [Ledger(load_trials(folder)).spent_s for folder in folders]
        return sum(trials) + sum(beside_s(folder.read_turns()) for folder in folders)

    def _budget(self) -> ContestBudget:
        shared = self.request.shared
        total = Budget(
            limit_s=searching_s(shared),
            trials=shared.trials,
            clock=time.monotonic,
            started_s=self.started,
            spent_before_s=sum(self.account.earlier.values()),
        )
        return ContestBudget(total, shared.effective_confirm_blocks)

    def _prove(
        self, sides: Sequence[Side], budget: ContestBudget, log: TurnLog, clean: Remeasure
    ) -> Proof | None:
        base = next(one for one in self.opened if one.label == self.request.baseline)
        return Finals(
            sides=sides,
            owners={one.label: one for one in self.opened},
            holder=base.label,
            plan=base.layout.confirm_plan,
            judge=base.layout.confirm_judge,
            budget=budget,
            log=log,
            listener=self.listener,
            stop=self.stop,
            earlier=finished_blocks(list(self.folder.read_turns())),
            held_out=base.layout.held_out,
            seed=self.request.shared.seed,
            refused=len(known_refusals(self.opened)),
            clean=clean,
            booked=lambda measurer: Booked(measurer, self.account),
        ).run()

    def _held(
        self, proof: Proof, sides: Sequence[Side], budget: ContestBudget, log: TurnLog
    ) -> tuple[Proof, Holding]:
        """`proof` without the winners that did not hold, and what came of holding."""
        holder = Holder(
            round_name=f"hold-{sum(len(s.ledger.measured) for s in sides):04d}",
            log=log,
            listener=self.listener,
            stop=self.stop,
            left_s=lambda: self._left_s(budget),
        )
        with self.account.timing(HOLD):
            return hold_proof(proof, self.opened, sides, self.request.shared, holder)

    def _left_s(self, budget: ContestBudget) -> float | None:
        limit = self.request.shared.effective_budget_s
        return None if limit is None else limit - budget.total.elapsed_s()

    def _patient(self, one: Opened, budget: ContestBudget, whole: Whole) -> Opened:
        patience = budget.patience(lambda: whole.sides, lambda: self._left_s(budget))
        return replace(one, measurer=replace(one.measurer, patience=patience))

    def _prepared(self, sides: Sequence[Side]) -> ContestPrepared:
        request, first = self.request, self.opened[0]
        rows = [_facts(one, side) for one, side in zip(self.opened, sides, strict=True)]
        plan = first.layout.search_plan
        held_out = len(first.layout.confirm_plan.session_ids) if first.layout.held_out else 0
        return ContestPrepared(
            study=self.folder.name,
            study_dir=str(self.folder.path),
            gpu=first.setup.gpu_name,
            baseline=request.baseline,
            engines=tuple(rows),
            workload_sessions=len(plan.session_ids),
            workload_turns=len(plan.turns),
            held_out_sessions=held_out,
            trials_done=sum(row.trials_done for row in rows),
            trials_wanted=request.shared.trials,
            budget_s=request.shared.effective_budget_s,
            notes=(*self.notes, *self._engine_notes()),
        )

    def _engine_notes(self) -> list[str]:
        """What is to be said of one engine alone; what all say is said once."""
        own = {one.label: _notes(one) for one in self.opened}
        common = [n for n in own[self.opened[0].label] if all(n in notes for notes in own.values())]
        told = [f"{label}: {n}" for label, notes in own.items() for n in notes if n not in common]
        return [*common, *told]


def _facts(one: Opened, side: Side) -> EngineFacts:
    return EngineFacts(
        engine=one.label,
        engine_version=one.setup.build.version,
        model=one.setup.model_path.name,
        depth_label=one.layout.depth_label,
        deepest_tokens=one.layout.deepest_tokens,
        parameters=len(one.layout.space.parameters),
        trials_done=len(side.ledger.measured),
    )


def _notes(one: Opened) -> tuple[str, ...]:
    layout = one.layout
    return (*one.setup.notes, *one.survey.notes, *layout.notes, *depth_notes(layout.depth_rows))
