"""Process trees and the processor time they used, as far as this user may see."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True, slots=True)
class TreeTimes:
    """Processor seconds of the processes of some trees, at one time.

    Keys are ``(pid, start time)``: a pid used again is another process. Values include children
    that ended and were waited for. `resident_bytes` is host memory by pid; pages that processes
    share count for each of them.
    """

    seconds: Mapping[tuple[int, float], float] = field(default_factory=dict)
    resident_bytes: Mapping[int, int] = field(default_factory=dict)

    @property
    def pids(self) -> frozenset[int]:
        """The processes alive then."""
        return frozenset(pid for pid, _ in self.seconds)


def tree_times(roots: Iterable[int]) -> TreeTimes:
    """The times of `roots` and everything below them; what is gone is left out."""
    looks = [look for process in tree(roots) for look in _look(process)]
    return TreeTimes(
        seconds={key: seconds for key, seconds, _ in looks},
        resident_bytes={key[0]: resident for key, _, resident in looks},
    )


def tree(roots: Iterable[int]) -> list[psutil.Process]:
    """`roots` and everything below them, each once."""
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            found[pid] = root
            found.update((child.pid, child) for child in root.children(recursive=True))
    return list(found.values())


def with_variable(name: str) -> list[tuple[int, Mapping[str, str]]]:
    """Process ids and environments of the processes that carry the variable `name`.

    Only those whose environment this user may read; our own process is left out.
    """
    found: list[tuple[int, Mapping[str, str]]] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and name in (environ := process.environ()):
                found.append((process.pid, environ))
    return found


def process_name(pid: int) -> str:
    """The name of a process, or ``process`` where it is gone or not ours to see."""
    with suppress(psutil.Error):
        return psutil.Process(pid).name()
    return "process"


def used_between(before: TreeTimes, after: TreeTimes, before_at: float) -> float:
    """Processor seconds that the trees used between two looks; never negative.

    `before_at` is the wall-clock time of the first look: a process that was there already but not
    in the tree counts from now on only, a new one from its start. What an ended process had used
    moves to the parent that waited for it, so it is taken off there.
    """
    total = 0.0
    for key, seconds in after.seconds.items():
        fresh = key[1] >= before_at
        total += seconds - before.seconds.get(key, 0.0 if fresh else seconds)
    ended = before.seconds.keys() - after.seconds.keys()
    return max(total - sum(before.seconds[key] for key in ended), 0.0)


def _look(process: psutil.Process) -> list[tuple[tuple[int, float], float, int]]:
    """One entry, or none for a process that ended meanwhile."""
    with suppress(psutil.Error):
        with process.oneshot():
            times = process.cpu_times()
            key = (process.pid, process.create_time())
            resident = process.memory_info().rss
        children = times.children_user + times.children_system
        return [(key, times.user + times.system + children, resident)]
    return []
