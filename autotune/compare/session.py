"""One ``autotune compare`` from request to verdict; it goes on with the folder that is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psutil

from autotune.compare.blocks import Blocks
from autotune.compare.document import Document, now
from autotune.compare.events import Listener, Opened
from autotune.compare.folder import check_arms, check_same, read_document, write_document
from autotune.compare.narrow import ALONE, STOPPED, Rule
from autotune.compare.opening import Stage, open_stage
from autotune.compare.progress import Progress, resumed
from autotune.compare.request import METRICS, CompareRequest
from autotune.hardware.probe import gpu_probe
from autotune.launchers.leftovers import sweep_leftovers
from autotune.records import TurnRecord
from autotune.search.opening import scratch
from autotune.search.remeasure import Remeasure
from autotune.study.folder import StudyFolder
from autotune.study.lock import study_lock


@dataclass(frozen=True, slots=True)
class Compared:
    """How it ended. `document` is what ``compare.json`` holds, `records` what was compared."""

    folder: StudyFolder
    document: dict[str, Any]
    records: dict[str, list[TurnRecord]]

    @property
    def stopped(self) -> bool:
        """Whether the user stopped it before it was done."""
        return bool(self.document["status"] == "stopped")

    @property
    def measured(self) -> bool:
        """Whether two arms have a block that can be compared."""
        return len(self.records) > 1


def folder_of(request: CompareRequest) -> StudyFolder:
    """Where `request` is measured. Raises `UserError` for a name that cannot be a folder's."""
    return StudyFolder(request.run.studies_dir / request.name)


def run_compare(
    request: CompareRequest, listener: Listener, stop: threading.Event | None = None
) -> Compared:
    """Measure, or go on measuring, what `request` compares.

    `stop` is the polite stop: the arm under way finishes its block. Raises `UserError` and
    `MachineError`; what was measured is on disk whatever happens.
    """
    started = time.monotonic()
    folder = folder_of(request)
    stored = read_document(folder)
    if stored is not None:
        check_arms(stored, [arm.name for arm in request.arms], str(folder.path))
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())
        stack.enter_context(study_lock(folder.lock_path))
        sweep_leftovers()
        work_dir = stack.enter_context(scratch())
        earlier = list(folder.read_turns())
        sample = None if stored is None else stored["sample"]
        stage = open_stage(request, folder, work_dir, probe, listener, sample, earlier)
        run = _Run(request, folder, stage, listener, stop or threading.Event(), started)
        return run.go(stored, earlier)


@dataclass(slots=True)
class _Run:
    """One comparison under its folder's lock."""

    request: CompareRequest
    folder: StudyFolder
    stage: Stage
    listener: Listener
    stop: threading.Event
    started: float

    def go(self, stored: dict[str, Any] | None, earlier: list[TurnRecord]) -> Compared:
        """Measure what `stored` and the `earlier` records leave to be measured, and judge it."""
        names = tuple(arm.name for arm in self.request.arms)
        turns = {side.arm.name: side.turns for side in self.stage.sides}
        rows = [] if stored is None else stored["measurements"]
        progress = resumed(names, rows, earlier, turns)
        progress.failed |= self.stage.failed
        if stored is not None:
            progress.again, progress.again_s = stored["made_again"], stored["made_again_s"]
        document = Document(
            self.request, self.stage, now() if stored is None else stored["created_at"]
        )
        begun = document.measuring(progress)
        if stored is not None:
            check_same(stored, begun, str(self.folder.path))
        write_document(self.folder, begun)
        self.listener(self._opened(progress))
        reason = self._measure(document, progress)
        ended = document.ended(progress, reason, stopped=reason == STOPPED)
        write_document(self.folder, ended)
        return Compared(self.folder, ended, progress.compared())

    def _measure(self, document: Document, progress: Progress) -> str:
        if len(progress.alive) < 2:
            return ALONE
        log = self.folder.turn_log()
        try:
            return Blocks(
                sides={side.arm.name: side for side in self.stage.sides},
                progress=progress,
                judging=document.judging,
                metrics=[METRICS[name] for name in self.request.metrics],
                rule=Rule(
                    until=self.request.until,
                    blocks=self.request.blocks,
                    budget_s=self.request.budget_s,
                    clock=time.monotonic,
                    started_s=self.started,
                    before_s=progress.seconds,
                ),
                log=log,
                listener=self.listener,
                stop=self.stop,
                save=lambda: write_document(self.folder, document.measuring(progress)),
                clean=Remeasure(log=log, cores=psutil.cpu_count() or 1),
            ).run()
        finally:
            log.close()

    def _opened(self, progress: Progress) -> Opened:
        stage, request = self.stage, self.request
        return Opened(
            folder=str(self.folder.path),
            arms=progress.names,
            serves={side.arm.name: _serves(side.facts) for side in stage.sides},
            sessions=stage.sessions,
            turns=stage.turns,
            deepest_tokens=max(stage.depths.values(), default=0),
            until=request.until,
            blocks=request.blocks,
            budget_s=request.budget_s,
            known=progress.done,
            notes=stage.notes,
        )


def _serves(facts: Mapping[str, Any]) -> str:
    """What answers in an arm, in a few words."""
    if facts["kind"] == "attached":
        return str(facts["url"])
    return f"{facts['engine']} {facts['engine_version']}".strip()
