"""A candidate that serves for a few questions, and is measured by nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from autotune.candidate import Candidate
from autotune.launchers.failure import TrialError
from autotune.launchers.process import launch
from autotune.launchers.protocol import Server
from autotune.launchers.settings_check import difference
from autotune.trial.real import RealMeasurer


@contextmanager
def serving(measurer: RealMeasurer, candidate: Candidate, name: str) -> Iterator[Server]:
    """A server that runs `candidate`, stopped at the end with its memory given back.

    Raises `TrialError` when it does not start, or runs with other settings than were asked.
    """
    context, before = measurer.context(name), _free_bytes(measurer)
    try:
        server = launch(measurer.launcher, candidate, context)
        try:
            _check(measurer, server)
            yield server
        finally:
            measurer.launcher.stop(server)
    finally:
        shutil.rmtree(context.work_dir, ignore_errors=True)
        measurer.missing_vram(before)


def _check(measurer: RealMeasurer, server: Server) -> None:
    effective = measurer.launcher.effective(server)
    failure = difference(server.spec.asked, effective, "the engine does not run with: ")
    if failure is not None:
        raise TrialError(failure)


def _free_bytes(measurer: RealMeasurer) -> int | None:
    if measurer.probe is None or measurer.gpu_uuid is None:
        return None
    return measurer.probe.state(measurer.gpu_uuid).free_bytes
