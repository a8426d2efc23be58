"""One run from request to verdict; it continues the study that is there."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from autotune.errors import UserError
from autotune.hardware.probe import gpu_probe
from autotune.launchers.leftovers import sweep_leftovers
from autotune.search.budget import Budget
from autotune.search.confirm import Confirmation, Confirmed, finished_blocks
from autotune.search.events import Listener, Prepared, Summary
from autotune.search.finals import launches, prove, room_for
from autotune.search.free_gpu import require_free_gpu
from autotune.search.layout import Layout, lay_out
from autotune.search.ledger import Ledger
from autotune.search.opening import check_provenance, make_measurer, make_search, scratch
from autotune.search.outcome import Outcome, decide, write_result
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up
from autotune.search.shared import stored_shared
from autotune.search.suggest import make_sampler
from autotune.search.surveying import surveyed
from autotune.study.lock import study_lock
from autotune.study.storage import open_study
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurer
from autotune.trial.side_by_side import depth_notes
from autotune.trial.survey import Survey


def run_study(
    request: RunRequest, listener: Listener, stop: threading.Event | None = None
) -> Summary:
    """Run, or continue, the study that `request` names.

    `stop` is the polite stop: the trial under way is finished, and the summary says how to
    resume. Raises `UserError` and `MachineError`; what was measured is on disk whatever happens.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())
        setup = set_up(request, probe)
        _check_kind(setup)
        stack.enter_context(study_lock(setup.folder.lock_path))
        sweep_leftovers()
        require_free_gpu(setup, probe)
        measurer = make_measurer(setup, stack.enter_context(scratch()), probe)
        survey = surveyed(setup, measurer)
        layout = lay_out(setup, survey, stored_shared(setup.folder))
        check_provenance(setup, layout)
        run = _Run(
            setup, layout, replace(measurer, rendering=survey.rendering), listener,
            stop or threading.Event(), started, survey,
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
    measurer: Measurer
    listener: Listener
    stop: threading.Event
    started: float
    survey: Survey
    budget: Budget = field(init=False)

    def go(self) -> Summary:
        """Search, then confirm, then say how it ended."""
        folder, layout = self.setup.folder, self.layout
        sampler = make_sampler(self.setup.request.seed)
        log = folder.turn_log()
        try:
            with open_study(folder, sampler) as study:
                before = Ledger(study.get_trials(deepcopy=False))
                self.budget = self._budget(before)
                self.listener(self._prepared(before))
                ledger = make_search(
                    self.setup,
                    layout,
                    study,
                    measurer=self.measurer,
                    budget=self.budget,
                    log=log,
                    listener=self.listener,
                    stop=self.stop,
                ).run()
            if self.stop.is_set() or not ledger.ranked or ledger.baseline is None:
                return self._end(ledger, None)
            return self._end(ledger, self._confirm(ledger, log))
        finally:
            log.close()

    def _budget(self, before: Ledger) -> Budget:
        request, layout = self.setup.request, self.layout
        share = len(layout.confirm_plan.turns) / max(1, len(layout.search_plan.turns))
        return Budget(
            limit_s=request.effective_budget_s,
            trials=request.trials,
            clock=time.monotonic,
            started_s=self.started,
            spent_before_s=before.spent_s,
            confirm_launches=lambda ledger: launches(ledger, request.effective_confirm_blocks),
            confirm_share_of_trial=share,
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
            notes=(*setup.notes, *self.survey.notes, *layout.notes, *depths),
        )

    def _confirm(self, ledger: Ledger, log: TurnLog) -> Confirmed:
        blocks = self.setup.request.effective_confirm_blocks
        launch_s = ledger.typical_s * self.budget.confirm_share_of_trial
        earlier = finished_blocks(list(self.setup.folder.read_turns()))
        begun = any(arm.startswith(f"heat-{len(ledger.measured):04d}-") for arm, _ in earlier)
        # A heat that was begun is finished, however little is left: it decides who is confirmed.
        left_s = None if begun else self.budget.confirm_left_s()
        room = room_for(left_s, launch_s, blocks)

        def make(stem: str, blocks: int) -> Confirmation:
            return Confirmation(
                plan=self.layout.confirm_plan,
                measurer=self.measurer,
                judge=self.layout.confirm_judge,
                log=log,
                listener=self.listener,
                round_name=f"{stem}-{len(ledger.measured):04d}",
                blocks=blocks,
                budget=self.budget,
                seed=self.setup.request.seed,
                held_out=self.layout.held_out,
                stop=self.stop,
                earlier=earlier,
            )

        return prove(ledger, make, blocks, room)

    def _end(self, ledger: Ledger, confirmed: Confirmed | None) -> Summary:
        outcome: Outcome = decide(self.setup, self.layout, ledger, confirmed, self.stop.is_set())
        if outcome.is_final:
            write_result(self.setup, self.layout, outcome)
        return outcome.summary
