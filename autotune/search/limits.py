"""How much memory a server may take, on the GPU, on the host, and on both where they are one."""

from __future__ import annotations

from autotune.hardware.cpu import memory_available_bytes
from autotune.hardware.gpu import Gpu
from autotune.hardware.profiles import profile_of
from autotune.search.feasibility import Limits
from autotune.search.setup import Setup

HOST_SHARE = 0.9
"""Of the host's memory that is free: the rest is the tuner's and the system's."""


def memory_limits(setup: Setup) -> Limits:
    """What may be taken on this machine, or on one that is planned for.

    A GPU that is not here has all of its memory free, and the memory of its host is unknown. A
    worker that has a share of the host's memory takes no more than that.
    """
    gpu = setup.gpu
    here = not setup.request.assume_gpu
    host = _host_bytes(setup.request.host_bytes) if here else None
    if gpu is None:
        return Limits(device_bytes=None, host_bytes=host)
    if not shares_memory(gpu):
        total = gpu.vram_bytes
        return Limits(device_bytes=gpu.free_bytes, host_bytes=host, device_total_bytes=total)
    if here:
        return Limits(device_bytes=gpu.free_bytes, host_bytes=host, both_bytes=host)
    pool = None if gpu.free_bytes is None else int(gpu.free_bytes * HOST_SHARE)
    return Limits(device_bytes=None, host_bytes=None, both_bytes=pool)


def _host_bytes(share: int | None) -> int:
    free = int(memory_available_bytes() * HOST_SHARE)
    return free if share is None else min(free, share)


def shares_memory(gpu: Gpu) -> bool:
    """Whether what the GPU takes is missing on the host: by its profile, or as it has none."""
    facts = profile_of(gpu).facts
    return gpu.vram_bytes is None or (facts is not None and facts.unified_memory)
