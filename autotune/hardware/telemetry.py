"""Watches the machine beside a measurement: what others did to it while it ran."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

import psutil

from autotune.hardware.cpu import memory_available_bytes
from autotune.hardware.gpu import GpuProbe, GpuState
from autotune.hardware.load import LoadMeter
from autotune.hardware.telemetry_summary import TelemetrySample, TelemetrySummary, summarise
from autotune.hardware.telemetry_turn import turn_machine
from autotune.records import TurnMachine

DEFAULT_PERIOD_S = 1.0

FRESH_SHARE = 0.25
"""A look younger than this share of the period is as good as a new one."""


class TelemetrySampler:
    """A context manager that looks at the machine every `period_s` from a thread of its own.

    Our own process and everything below it (the engine that we started) is not load of others;
    `own` adds a server that somebody else started. The first look is taken on entry, the last on
    exit, so even a short measurement has one interval.
    """

    def __init__(
        self,
        *,
        probe: GpuProbe | None = None,
        gpu_uuid: str | None = None,
        period_s: float = DEFAULT_PERIOD_S,
        meter: LoadMeter | None = None,
        memory_available: Callable[[], int] = memory_available_bytes,
        clock: Callable[[], float] = time.monotonic,
        partners: tuple[int, ...] = (),
    ) -> None:
        """Without `probe` and `gpu_uuid` no card is watched.

        `partners` are process ids above others that the machine is divided with (see `LoadMeter`).
        """
        self._roots = {os.getpid()}
        self._probe = probe
        self._gpu_uuid = gpu_uuid
        self._period_s = period_s
        self._clock = clock
        self._memory_available = memory_available
        self._meter = meter or LoadMeter(self._root_pids, clock=clock, partners=lambda: partners)
        self._samples: list[TelemetrySample] = []
        self._looking = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="telemetry", daemon=True)

    @property
    def cores(self) -> int:
        """Logical processors of this machine."""
        return self._meter.cores

    def own(self, pid: int) -> None:
        """Count `pid` and everything below it as ours from now on."""
        self._roots.add(pid)

    def __enter__(self) -> TelemetrySampler:
        self.sample()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self.sample()

    def sample(self) -> TelemetrySample:
        """Take a look now and remember it."""
        with self._looking:
            return self._look()

    def turn(self, start_s: float, end_s: float) -> TurnMachine:
        """What was seen of a turn between two times of the (monotonic) clock.

        To be asked when it just ended: a look is taken, unless the last one is fresh.
        """
        with self._looking:
            last_s = self._samples[-1].at_s if self._samples else float("-inf")
            if self._clock() - last_s >= self._period_s * FRESH_SHARE:
                self._look()
                end_s = self._samples[-1].at_s
            return turn_machine(self._samples, start_s, end_s)

    def _look(self) -> TelemetrySample:
        load = self._meter.read()
        sample = TelemetrySample(
            at_s=self._clock(),
            load=load,
            memory_available_bytes=self._memory_available(),
            swap_used_bytes=psutil.swap_memory().used,
            gpu=self._gpu_state(),
            own_pids=self._meter.own_pids,
            engine_rss_bytes=self._engine_rss(),
        )
        self._samples.append(sample)
        return sample

    def _engine_rss(self) -> int | None:
        resident = self._meter.own_resident_bytes
        held = [n_bytes for pid, n_bytes in resident.items() if pid != os.getpid()]
        return sum(held) if held else None

    def summary(self, start_s: float | None = None, end_s: float | None = None) -> TelemetrySummary:
        """What was seen so far, or between two times of the sampler's (monotonic) clock."""
        start = float("-inf") if start_s is None else start_s
        end = float("inf") if end_s is None else end_s
        chosen = [s for s in tuple(self._samples) if start <= s.at_s <= end]
        return summarise(chosen, cores=self._meter.cores)

    def _watch(self) -> None:
        while not self._stopped.wait(self._period_s):
            self.sample()

    def _gpu_state(self) -> GpuState | None:
        if self._probe is None or self._gpu_uuid is None:
            return None
        return self._probe.state(self._gpu_uuid)

    def _root_pids(self) -> tuple[int, ...]:
        return tuple(self._roots)
