"""What telemetry samples say of one turn: small enough to stand in its record."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from statistics import fmean

from autotune.hardware.gpu import ClockEvent, GpuState
from autotune.hardware.telemetry_summary import TelemetrySample, other_gpu_share
from autotune.records import TurnMachine


def turn_machine(samples: Sequence[TelemetrySample], start_s: float, end_s: float) -> TurnMachine:
    """Of the looks in `samples` (in time order) between two times of their clock.

    A turn that is shorter than the time between two looks may have none: then it is the last look
    before its end. Swap is compared with the look before the turn, where there is one.
    """
    first = bisect_left(samples, start_s, key=lambda s: s.at_s)
    end = bisect_right(samples, end_s, key=lambda s: s.at_s)
    seen = samples[first:end] or samples[max(end - 1, 0) : end]
    states = [s.gpu for s in seen if s.gpu is not None]
    loads = [s.load for s in seen if s.load is not None]
    taken = other_gpu_share(seen)
    clocks = [s.sm_clock_mhz for s in states if s.sm_clock_mhz is not None]
    return TurnMachine(
        looks=len(seen),
        sm_clock_mean_mhz=round(fmean(clocks), 1) if clocks else None,
        sm_clock_max_mhz=max(clocks, default=None),
        throttle=_throttle(states),
        vram_peak_bytes=_most(s.own_vram_bytes for s in seen),
        rss_peak_bytes=_most(s.engine_rss_bytes for s in seen),
        other_cores=round(fmean(ld.other_cores for ld in loads), 3) if loads else None,
        steal_share=round(fmean(ld.steal_share for ld in loads), 4) if loads else None,
        swap_delta_bytes=_swap(samples, first, end),
        other_gpu_share=None if taken is None else round(taken, 4),
    )


def _throttle(states: Iterable[GpuState]) -> int | None:
    """Every event that was seen; being idle is none."""
    events = [state.events for state in states if state.events is not None]
    return int(reduce(or_, events) & ~ClockEvent.IDLE) if events else None


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _swap(samples: Sequence[TelemetrySample], first: int, end: int) -> int | None:
    """Swap in use at the last look of the turn, less that at the last before it."""
    before = max(first - 1, 0)
    if end - 1 <= before:
        return None
    return samples[end - 1].swap_used_bytes - samples[before].swap_used_bytes
