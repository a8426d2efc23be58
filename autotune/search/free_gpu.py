"""Refuses to begin on a GPU that others use."""

from __future__ import annotations

import os

from autotune.errors import MachineError
from autotune.hardware.busy import busy_with
from autotune.hardware.gpu import GpuProbe
from autotune.hardware.processes import process_name, tree_times
from autotune.search.setup import Setup


def require_free_gpu(setup: Setup, probe: GpuProbe) -> None:
    """Raises `MachineError` when others use the GPU and it was not said that they may.

    To be asked after leftovers of an autotune that died were ended, and before anything is
    launched.
    """
    if setup.gpu is None or setup.request.allow_busy:
        return
    busy = busy_with(
        setup.gpu,
        probe.state(setup.gpu.uuid),
        ours=tree_times((os.getpid(),)).pids,
        name_of=process_name,
    )
    if busy is not None:
        raise MachineError(
            f"the GPU is busy: {busy}",
            "stop them (autotune doctor lists them), or add --allow-busy to measure beside them",
        )
