"""Doctor's checks of the machine itself: processor, memory, disk, clocks."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from autotune.hardware.check import Check, fail, gib, ok, warn
from autotune.hardware.cpu import CpuInfo

DISK_WARN_BYTES = 2 * 2**30
DISK_FAIL_BYTES = 200 * 2**20
"""A study is tens of megabytes, mostly engine logs."""

EARLIEST_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that says less than this was never set: stamps and nightly order would be wrong."""

COARSEST_CLOCK_S = 0.001
CLOCK_STEP_LIMIT_S = 0.05
"""The wall clock may drift against the monotonic one by this much within a look."""


@dataclass(frozen=True, slots=True)
class ClockLook:
    """Both clocks at one moment, in seconds."""

    wall_s: float
    monotonic_s: float


def check_cpu(cpu: CpuInfo, memory_available_bytes: int) -> Check:
    """Which processor this is, how much of it and of the memory we may use."""
    limits = "" if cpu.quota_cores is None else f", container quota {cpu.quota_cores:g} cores"
    message = (
        f"{cpu.model}, {cpu.physical_cores} physical and {cpu.logical_cores} logical cores to use"
        f"{limits}, {gib(memory_available_bytes)} of {gib(cpu.memory_bytes)} memory available"
    )
    if cpu.quota_cores is not None and cpu.quota_cores != int(cpu.quota_cores):
        fix = "give the container whole cores: a fraction stalls the engine in every period"
        return warn("processor", message, fix)
    return ok("processor", message)


def check_disk(
    studies: Path,
    free_bytes: Callable[[Path], int] = lambda path: psutil.disk_usage(str(path)).free,
) -> Check:
    """Whether studies can be written where they go; `studies` need not exist yet."""
    folder = _existing(studies)
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = "make it writable, or keep studies elsewhere with --studies-dir"
        return fail("disk", f"{folder} is not writable", fix)
    free = free_bytes(folder)
    message = f"{gib(free)} free for studies in {studies}"
    if free < DISK_FAIL_BYTES:
        return fail("disk", message, "make room: a full disk stops a study")
    if free < DISK_WARN_BYTES:
        return warn("disk", message, "make room: engine logs of a long study take a few hundred MB")
    return ok("disk", message)


def check_clock(before: ClockLook, after: ClockLook, resolution_s: float) -> Check:
    """Whether the clocks can be trusted, from two looks a moment apart.

    `resolution_s` is the monotonic clock's.
    """
    now = datetime.fromtimestamp(after.wall_s, tz=UTC)
    step = (after.wall_s - before.wall_s) - (after.monotonic_s - before.monotonic_s)
    fix = "set the clock (timedatectl set-ntp true)"
    if after.monotonic_s <= before.monotonic_s or resolution_s > COARSEST_CLOCK_S:
        return fail("clock", "the monotonic clock is too coarse to time tokens", "use another host")
    if now < EARLIEST_DATE:
        return warn("clock", f"the clock says {now:%Y-%m-%d}: it was never set", fix)
    if abs(step) > CLOCK_STEP_LIMIT_S:
        return warn("clock", f"the clock was moved by {step:+.2f} s while we looked", fix)
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, resolution {resolution_s * 1e9:g} ns")


def _existing(path: Path) -> Path:
    """The nearest folder that is there."""
    here = path.absolute()
    return next((p for p in (here, *here.parents) if p.is_dir()), Path("/"))
