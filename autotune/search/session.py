"""One run from request to verdict; it continues the study that is there."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from autotune import __version__
from autotune.errors import UserError
from autotune.hardware.gpu import GpuProbe
from autotune.hardware.nvml import nvml_probe
from autotune.launchers.leftovers import sweep_leftovers
from autotune.search.budget import Budget
from autotune.search.confirm import Confirmation, Confirmed, finished_blocks
from autotune.search.events import Listener, Prepared, Summary
from autotune.search.finals import launches, prove, room_for
from autotune.search.layout import Layout, lay_out
from autotune.search.ledger import Ledger
from autotune.search.outcome import Outcome, decide, write_result
from autotune.search.request import RunRequest
from autotune.search.search import Search
from autotune.search.setup import Setup, asked_sample, set_up, versions
from autotune.search.suggest import make_sampler
from autotune.search.surveying import surveyed
from autotune.study.lock import study_lock
from autotune.study.provenance import Provenance, differences
from autotune.study.storage import open_study
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurer
from autotune.trial.real import RealMeasurer
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
        probe = stack.enter_context(nvml_probe())
        setup = set_up(request, probe)
        stack.enter_context(study_lock(setup.folder.lock_path))
        sweep_leftovers()
        measurer = make_measurer(setup, stack.enter_context(_scratch()), probe)
        survey = surveyed(setup, measurer)
        layout = lay_out(setup, survey)
        _check_provenance(setup, layout)
        run = _Run(
            setup, layout, replace(measurer, rendering=survey.rendering), listener,
            stop or threading.Event(), started, survey,
        )  # fmt: skip
        return run.go()


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for private homes, outside the study: it holds sockets and caches of engines."""
    folder = Path(tempfile.mkdtemp(prefix="autotune-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_measurer(setup: Setup, work_dir: Path, probe: GpuProbe) -> RealMeasurer:
    """The real measurer for `setup`; its rendering is the survey's to decide."""
    return RealMeasurer(
        launcher=setup.launcher,
        model=setup.model_path,
        logs_dir=setup.folder.logs,
        work_dir=work_dir,
        seed=setup.request.seed,
        gpu_uuid=None if setup.gpu is None else setup.gpu.uuid,
        probe=probe,
    )


def provenance(setup: Setup, layout: Layout) -> Provenance:
    """What this run measures on."""
    return Provenance(
        engine=setup.engine_ref,
        engine_path=setup.build.path,
        engine_version=setup.build.version,
        engine_sha256=setup.build.binary_sha256,
        model_path=str(setup.model_path),
        model_sha256=setup.model_digest,
        gpu=setup.gpu_id,
        gpu_name=setup.gpu_name,
        driver=None if setup.gpu is None else setup.gpu.driver,
        workload=str(setup.request.workload),
        workload_digest=setup.workload.digest,
        plan_digest=layout.search_plan.digest,
        space_digest=layout.space.digest,
        objective=setup.request.objective,
        depth=layout.depth_label,
        history=setup.request.history,
        seed=setup.request.seed,
        autotune_version=__version__,
        host_cpu=setup.cpu.model,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
    )


def _check_provenance(setup: Setup, layout: Layout) -> None:
    """Refuse to go on with a study that was measured on something else."""
    now = provenance(setup, layout)
    if not setup.folder.exists():
        asked = {"asked": asked_sample(setup.request)}
        setup.folder.write_sample({**asked, **setup.sample.to_json()})
        setup.folder.write_provenance(now.to_json())
        return
    changed = differences(setup.folder.read_provenance(), now)
    if changed:
        raise UserError(
            f"study {setup.folder.name} was measured on something else: {'; '.join(changed)}",
            "name another study with --study, or add --new-study to begin a fresh one",
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
                ledger = Search(
                    study=study,
                    space=layout.space,
                    plan=layout.search_plan,
                    measurer=self.measurer,
                    judge=layout.judge,
                    feasibility=layout.feasibility,
                    budget=self.budget,
                    log=log,
                    listener=self.listener,
                    incumbent=layout.incumbent,
                    stop=self.stop,
                    read_turns=folder.read_turns,
                    seed=self.setup.request.seed,
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
