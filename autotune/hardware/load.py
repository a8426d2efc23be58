"""How much of the processor others use: everybody's time less our own process trees'."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

from autotune.hardware.processes import TreeTimes, tree_times, used_between

SHORTEST_S = 0.05
"""Below this the kernel's own tick (10 ms) is most of what would be measured."""


@dataclass(frozen=True, slots=True)
class SystemTimes:
    """Processor seconds of the whole machine since it started, all processors together."""

    busy_s: float
    steal_s: float


@dataclass(frozen=True, slots=True)
class LoadSample:
    """Load between two looks.

    Attributes:
        seconds: between them.
        other_cores: processors' worth of work that is not ours; 1.0 is one core kept busy.
        own_cores: the same of our own trees.
        steal_share: of this machine's processor time, what a hypervisor gave to others.
    """

    seconds: float
    other_cores: float
    own_cores: float
    steal_share: float


@dataclass(frozen=True, slots=True)
class _Look:
    at_s: float
    wall_s: float
    system: SystemTimes
    own: TreeTimes
    partners: TreeTimes


class LoadMeter:
    """Measures load from one `read` to the next."""

    def __init__(
        self,
        roots: Callable[[], Iterable[int]],
        *,
        cores: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        system: Callable[[], SystemTimes] | None = None,
        trees: Callable[[Iterable[int]], TreeTimes] = tree_times,
        partners: Callable[[], Iterable[int]] = tuple,
    ) -> None:
        """`roots` gives the process ids whose trees are ours, anew at each look.

        `partners` gives those with which the machine is divided by arrangement: they have cores of
        their own, so what they use is neither ours nor load of others.
        """
        self.cores = cores or psutil.cpu_count() or 1
        self._roots = roots
        self._clock = clock
        self._system = system or system_times
        self._trees = trees
        self._partners = partners
        self._last = self._look()

    @property
    def own_pids(self) -> frozenset[int]:
        """Our processes at the last look."""
        return self._last.own.pids

    @property
    def own_resident_bytes(self) -> Mapping[int, int]:
        """Host memory of our processes at the last look, by pid."""
        return self._last.own.resident_bytes

    def read(self) -> LoadSample | None:
        """Load since the last read, or ``None`` when that was less than `SHORTEST_S` ago."""
        before = self._last
        if self._clock() - before.at_s < SHORTEST_S:
            return None
        after = self._last = self._look()
        return _between(before, after, self.cores)

    def _look(self) -> _Look:
        at_s, wall_s, system = self._clock(), time.time(), self._system()
        own = self._trees(self._roots())
        return _Look(at_s, wall_s, system, own, self._partner_times(own))

    def _partner_times(self, own: TreeTimes) -> TreeTimes:
        """Of partners alone: a root of theirs may have us below it."""
        roots = tuple(self._partners())
        if not roots:
            return TreeTimes()
        found = self._trees(roots).seconds
        return TreeTimes({key: s for key, s in found.items() if key not in own.seconds})


def system_times() -> SystemTimes:
    """The machine's times now. Guests are counted in user time already; waiting is not work."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    steal = getattr(times, "steal", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return SystemTimes(busy_s=sum(times) - idle - steal - guests, steal_s=steal)


def _between(before: _Look, after: _Look, cores: int) -> LoadSample:
    seconds = after.at_s - before.at_s
    busy = max(after.system.busy_s - before.system.busy_s, 0.0)
    steal = max(after.system.steal_s - before.system.steal_s, 0.0)
    own = used_between(before.own, after.own, before.wall_s)
    partners = used_between(before.partners, after.partners, before.wall_s)
    return LoadSample(
        seconds=seconds,
        other_cores=max(busy - own - partners, 0.0) / seconds,
        own_cores=own / seconds,
        steal_share=steal / (seconds * cores),
    )
