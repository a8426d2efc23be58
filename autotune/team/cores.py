"""A host divided among the workers of its GPUs: cores and memory, so that none takes another's.

Every worker gets as many cores as every other: identical GPUs are searched as one, and what the
search space calls the machine's cores is then the same for all of them. What does not divide is
left over for the system and for the process that watches the workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autotune.hardware.cgroup import ROOT, quota_cores
from autotune.hardware.cpu import allowed_processors, core_groups, memory_available_bytes
from autotune.search.limits import HOST_SHARE

Core = frozenset[int]
"""The logical processors of one physical core."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker has of the host; ``None`` is all of it."""

    processors: frozenset[int] | None = None
    memory_bytes: int | None = None


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Division:
    """A share for each worker. `note` says what could not be divided; ``None`` where all was."""

    shares: tuple[Share, ...]
    note: str | None = None


def divide_host(workers: int, root: Path = ROOT) -> Division:
    """This host among `workers`, at least 1; of one worker it is the whole host.

    Only what this process may use is divided: its affinity, a container's quota and memory limit.
    """
    if workers == 1:
        return Division((WHOLE,))
    memory = int(memory_available_bytes(root) * HOST_SHARE)
    return divide(workers, core_groups(allowed_processors(), root), quota_cores(root), memory)


def divide(workers: int, cores: Sequence[Core], quota: float | None, memory_bytes: int) -> Division:
    """`cores` and `memory_bytes` in equal parts; `quota` is in processors, ``None`` without one.

    Neighbouring cores stay together: they share caches and memory channels.
    """
    memory = memory_bytes // workers
    usable = _within(cores, quota)
    each = len(usable) // workers
    if each == 0:
        note = (
            f"{len(usable)} {'core is' if len(usable) == 1 else 'cores are'} too few to be divided "
            f"among {workers} workers: they share them, and disturb each other"
        )
        return Division((Share(None, memory),) * workers, note)
    parts = [usable[each * n : each * (n + 1)] for n in range(workers)]
    return Division(tuple(Share(frozenset().union(*part), memory) for part in parts))


def _within(cores: Sequence[Core], quota: float | None) -> Sequence[Core]:
    """As many of `cores` as a quota on processor time has room for."""
    if quota is None:
        return cores
    usable: list[Core] = []
    for core in cores:
        if sum(map(len, usable)) + len(core) > quota:
            break
        usable.append(core)
    return usable
