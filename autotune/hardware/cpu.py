"""The processor as this process may use it, and the memory it may take."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path
from typing import Any

import psutil

from autotune.hardware.cgroup import ROOT, memory_left_bytes, quota_cores


@dataclass(frozen=True, slots=True)
class CpuInfo:
    """The processor.

    Attributes:
        physical_cores, logical_cores: what this process may run on (affinity and container
            quota respected), at least 1.
        machine_cores: logical processors of the whole machine.
        quota_cores: a container's limit on processor time; ``None`` without one.
        memory_bytes: of the machine.
    """

    model: str
    physical_cores: int
    logical_cores: int
    machine_cores: int
    quota_cores: float | None
    memory_bytes: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def read_cpu(root: Path = ROOT) -> CpuInfo:
    """This machine's processor; `root` is where /proc and /sys are looked for."""
    allowed = allowed_processors()
    quota = quota_cores(root)
    return CpuInfo(
        model=_model(root),
        physical_cores=_capped(physical_cores(allowed, root), quota),
        logical_cores=_capped(len(allowed), quota),
        machine_cores=psutil.cpu_count() or len(allowed),
        quota_cores=quota,
        memory_bytes=psutil.virtual_memory().total,
    )


def memory_available_bytes(root: Path = ROOT) -> int:
    """Memory that can be taken now without swapping; a container's limit is respected."""
    free = psutil.virtual_memory().available
    left = memory_left_bytes(root)
    return free if left is None else min(free, left)


def allowed_processors() -> frozenset[int]:
    """Logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(psutil.cpu_count() or 1))


def physical_cores(processors: frozenset[int], root: Path = ROOT) -> int:
    """Physical cores among `processors`: threads of one core count once."""
    folders = (root / f"sys/devices/system/cpu/cpu{n}/topology" for n in sorted(processors))
    cores = {_core(folder) for folder in folders}
    if None in cores:  # not Linux, or a sandbox without /sys
        return min(psutil.cpu_count(logical=False) or len(processors), len(processors))
    return len(cores)


def core_groups(processors: frozenset[int], root: Path = ROOT) -> tuple[frozenset[int], ...]:
    """`processors` by physical core, in their order: threads of one core stay together.

    Where the system does not tell which belong together, each is a core of its own.
    """
    groups: dict[str, set[int]] = {}
    for number in sorted(processors):
        core = _core(root / f"sys/devices/system/cpu/cpu{number}/topology")
        groups.setdefault(core or f"alone {number}", set()).add(number)
    return tuple(frozenset(group) for group in groups.values())


def _core(folder: Path) -> str | None:
    """What all threads of one core have in common: the list of them."""
    for name in ("core_cpus_list", "thread_siblings_list"):
        with suppress(OSError):
            return (folder / name).read_text(encoding="ascii").strip()
    return None


def _capped(cores: int, quota: float | None) -> int:
    return max(1, cores if quota is None else min(cores, floor(quota)))


def _model(root: Path) -> str:
    with suppress(OSError):
        for line in (root / "proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"} and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"
