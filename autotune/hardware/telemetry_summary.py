"""What telemetry samples say together, and whether they spoil a measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

import psutil

from autotune.hardware.gpu import FORCED_SLOWDOWN, ClockEvent, GpuState
from autotune.hardware.load import LoadSample

SCHEMA_VERSION = "telemetry/1"

OTHER_CORES_LIMIT = 0.25
"""Median work of others above a quarter of a core is a contaminated measurement ..."""

OTHER_SHARE_LIMIT = 0.05
"""... or above a twentieth of all cores, where that is more (many-core machines hum)."""

BURST_FACTOR = 2.0
"""Bursts show in the mean: it may be this many times the limit of the median."""

STEAL_SHARE_LIMIT = 0.05
"""Mean share of processor time that a hypervisor gave to other guests."""

SWAP_GROWTH_LIMIT_BYTES = 64 * 2**20
"""Something was pushed out to disk while we measured."""

SLOWDOWN_SHARE_LIMIT = 0.1
"""Share of looks at which heat or the power supply held the card's clocks down."""

OTHER_GPU_SHARE_LIMIT = 0.05
"""Mean share of the card's time that compute processes of others took."""

MIN_SAMPLES = 3
"""With fewer intervals than this there is no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySample:
    """One look. `load` covers the time since the look before, and is ``None`` at the first.

    `own_pids` are our processes, `engine_rss_bytes` the host memory of all of them but this one.
    """

    at_s: float
    load: LoadSample | None
    memory_available_bytes: int
    swap_used_bytes: int
    gpu: GpuState | None = None
    own_pids: frozenset[int] = frozenset()
    engine_rss_bytes: int | None = None

    @property
    def own_vram_bytes(self) -> int | None:
        """What our processes hold of the card; ``None`` where the driver does not tell.

        In a container it may list the host's process ids: then none of them is ours.
        """
        listed = (self.gpu.processes if self.gpu else None) or ()
        held = [p.used_bytes for p in listed if p.pid in self.own_pids and p.used_bytes is not None]
        return sum(held) if held else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSummary:
    """The card over a measurement. Shares are of the looks at it.

    Attributes:
        slowdown_share: heat or the power supply held the clocks down.
        power_cap_share: its power limit did: part of how it is set up, not contamination.
        own_used_max_bytes: what our processes held; ``None`` where the driver does not tell.
        energy_j: what the whole card took from the first look to the last.
        other_pids: compute processes that are not ours.
        other_share: of the card's time, what they took; ``None`` where the driver does not say.
    """

    sm_clock_median_mhz: float | None
    sm_clock_min_mhz: int | None
    memory_clock_median_mhz: float | None
    slowdown_share: float | None
    power_cap_share: float | None
    used_max_bytes: int | None
    own_used_max_bytes: int | None
    free_min_bytes: int | None
    power_median_w: float | None
    power_limit_w: float | None
    energy_j: float | None
    temperature_max_c: int | None
    other_pids: tuple[int, ...]
    other_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySummary:
    """A measurement's surroundings.

    Attributes:
        contaminated: ``None`` when too little was seen to tell.
        reasons: why it is contaminated, one line each.
        other_cores_*: processors' worth of work that was not ours.
        engine_rss_max_bytes: host memory of the engine's processes.
        swap_growth_bytes: between the first look and the highest after it.
    """

    seconds: float
    samples: int
    cores: int
    contaminated: bool | None
    reasons: tuple[str, ...]
    other_cores_median: float | None
    other_cores_mean: float | None
    other_cores_max: float | None
    own_cores_mean: float | None
    steal_share_mean: float | None
    memory_available_min_bytes: int | None
    engine_rss_max_bytes: int | None
    swap_growth_bytes: int | None
    gpu: GpuSummary | None

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def summarise(samples: Sequence[TelemetrySample], *, cores: int) -> TelemetrySummary:
    """`samples` in time order, on a machine with `cores` logical processors."""
    loads = [s.load for s in samples if s.load is not None]
    facts: dict[str, Any] = {
        "seconds": samples[-1].at_s - samples[0].at_s if samples else 0.0,
        "samples": len(samples),
        "cores": cores,
        **_load_facts(loads),
        "memory_available_min_bytes": _or_none(min, (s.memory_available_bytes for s in samples)),
        "engine_rss_max_bytes": _or_none(max, _known(s.engine_rss_bytes for s in samples)),
        "swap_growth_bytes": _swap_growth(samples),
        "gpu": _gpu_summary(samples),
    }
    draft = TelemetrySummary(contaminated=None, reasons=(), **facts)
    if len(loads) < MIN_SAMPLES:
        return draft
    reasons = tuple(_reasons(draft))
    return TelemetrySummary(contaminated=bool(reasons), reasons=reasons, **facts)


def other_cores_limit(cores: int) -> float:
    """Median work of others, in cores, that a measurement on `cores` processors bears."""
    return max(OTHER_CORES_LIMIT, OTHER_SHARE_LIMIT * cores)


def _load_facts(loads: Sequence[LoadSample]) -> dict[str, float | None]:
    other = [load.other_cores for load in loads]
    return {
        "other_cores_median": _or_none(median, other),
        "other_cores_mean": _weighted(loads, lambda load: load.other_cores),
        "other_cores_max": _or_none(max, other),
        "own_cores_mean": _weighted(loads, lambda load: load.own_cores),
        "steal_share_mean": _weighted(loads, lambda load: load.steal_share),
    }


def _weighted(loads: Sequence[LoadSample], of: Callable[[LoadSample], float]) -> float | None:
    """The mean over time: a long interval counts for more."""
    seconds = sum(load.seconds for load in loads)
    return sum(of(load) * load.seconds for load in loads) / seconds if seconds else None


def _swap_growth(samples: Sequence[TelemetrySample]) -> int | None:
    if not samples:
        return None
    return max(s.swap_used_bytes for s in samples) - samples[0].swap_used_bytes


def _gpu_summary(samples: Sequence[TelemetrySample]) -> GpuSummary | None:
    states = [s.gpu for s in samples if s.gpu is not None]
    if not states:
        return None
    return GpuSummary(
        sm_clock_median_mhz=_or_none(median, _known(s.sm_clock_mhz for s in states)),
        sm_clock_min_mhz=_or_none(min, _known(s.sm_clock_mhz for s in states)),
        memory_clock_median_mhz=_or_none(median, _known(s.memory_clock_mhz for s in states)),
        slowdown_share=_event_share(states, FORCED_SLOWDOWN),
        power_cap_share=_event_share(states, ClockEvent.POWER_CAP),
        used_max_bytes=_or_none(max, _known(s.used_bytes for s in states)),
        own_used_max_bytes=_or_none(max, _known(s.own_vram_bytes for s in samples)),
        free_min_bytes=_or_none(min, _known(s.free_bytes for s in states)),
        power_median_w=_or_none(median, _known(s.power_w for s in states)),
        power_limit_w=_or_none(min, _known(s.power_limit_w for s in states)),
        energy_j=_or_none(_growth, _known(s.energy_j for s in states)),
        temperature_max_c=_or_none(max, _known(s.temperature_c for s in states)),
        other_pids=_other_pids(samples),
        other_share=other_gpu_share(samples),
    )


def _growth(counter: Sequence[float]) -> float | None:
    """From the first to the last of at least two; a driver that was loaded anew counts from 0."""
    return counter[-1] - counter[0] if len(counter) > 1 and counter[-1] >= counter[0] else None


def _event_share(states: Sequence[GpuState], events: ClockEvent) -> float | None:
    seen = [bool(s.events & events) for s in states if s.events is not None]
    return fmean(seen) if seen else None


def _other_pids(samples: Iterable[TelemetrySample]) -> tuple[int, ...]:
    """Processes on the card that are not ours, as far as they can be told.

    In a container the driver may give the host's process ids: one that does not exist here cannot
    be told from our own, and is left out.
    """
    strangers = {
        process.pid
        for sample in samples
        if sample.gpu and sample.gpu.processes
        for process in sample.gpu.processes
        if process.pid not in sample.own_pids
    }
    return tuple(sorted(pid for pid in strangers if psutil.pid_exists(pid)))


def other_gpu_share(samples: Sequence[TelemetrySample]) -> float | None:
    """Mean share of the card's time that others took; ``None`` where no share was ever told."""
    others = set(_other_pids(samples))
    listed = [s.gpu.processes for s in samples if s.gpu and s.gpu.processes is not None]
    if not any(p.sm_share is not None for processes in listed for p in processes):
        return None
    return fmean(
        sum(p.sm_share or 0.0 for p in processes if p.pid in others) for processes in listed
    )


def _reasons(seen: TelemetrySummary) -> Iterable[str]:
    """Every limit that was passed."""
    limit = other_cores_limit(seen.cores)
    if _above(seen.other_cores_median, limit):
        yield f"other processes kept {seen.other_cores_median:.2f} cores busy (limit {limit:.2f})"
    elif _above(seen.other_cores_mean, limit * BURST_FACTOR):
        yield f"bursts of other processes: {seen.other_cores_mean:.2f} cores on average"
    if _above(seen.steal_share_mean, STEAL_SHARE_LIMIT):
        yield f"the hypervisor took {seen.steal_share_mean:.0%} of the processor"
    if _above(seen.swap_growth_bytes, SWAP_GROWTH_LIMIT_BYTES):
        yield f"swap grew by {(seen.swap_growth_bytes or 0) / 2**20:.0f} MiB"
    if seen.gpu is not None:
        yield from _gpu_reasons(seen.gpu)


def _gpu_reasons(gpu: GpuSummary) -> Iterable[str]:
    if _above(gpu.slowdown_share, SLOWDOWN_SHARE_LIMIT):
        yield f"the GPU was slowed down by heat or power at {gpu.slowdown_share:.0%} of the looks"
    if _above(gpu.other_share, OTHER_GPU_SHARE_LIMIT):
        yield f"other processes took {gpu.other_share:.0%} of the GPU"


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _known(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _or_none(of: Callable[[Any], Any], values: Iterable[Any]) -> Any:
    """`of` the values, or ``None`` when there are none."""
    listed = list(values)
    return of(listed) if listed else None
