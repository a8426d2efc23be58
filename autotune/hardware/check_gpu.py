"""Doctor's checks of the card: is it there, is its memory free, are its clocks its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autotune.errors import MachineError
from autotune.hardware.check import Check, fail, gib, ok, warn
from autotune.hardware.gpu import FORCED_SLOWDOWN, Gpu, GpuProbe, GpuProcess, GpuState
from autotune.hardware.select import select_gpu

HELD_SHARE_LIMIT = 0.1
"""More of the card's memory than this in other hands is worth a warning (a desktop takes less)."""

_SLOWDOWN_NAMES = {
    0x8: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}


def check_gpu(probe: GpuProbe, ask: str) -> tuple[Check, Gpu | None]:
    """Whether the card that `ask` means is here, and which it is (``None`` for the CPU).

    Raises `UserError` when `ask` says nothing.
    """
    try:
        gpu = select_gpu(ask, probe.gpus())
    except MachineError as error:
        problem = f" ({probe.problem})" if probe.problem else ""
        return fail("gpu", error.message + problem, error.hint), None
    if gpu is not None:
        return ok("gpu", f"{gpu.label}, driver {gpu.driver or 'unknown'}"), gpu
    if probe.problem and ask.strip().lower() != "cpu":
        fix = "repair the driver (nvidia-smi should work), or say --gpu cpu"
        return warn("gpu", f"{probe.problem}; measures on the processor", fix), None
    return ok("gpu", "none used: measures on the processor"), None


def check_vram(
    gpu: Gpu,
    state: GpuState,
    *,
    name_of: Callable[[int], str],
    memory_available_bytes: int,
) -> Check:
    """How much of the card's memory is free, and who holds the rest.

    `name_of` gives a process's name; `memory_available_bytes` is the host's, which counts where
    the card has none of its own.
    """
    held_by = _holders(state.processes or (), name_of)
    free = gpu.free_bytes if state.free_bytes is None else state.free_bytes
    if gpu.vram_bytes is None or free is None:
        message = f"memory shared with the processor, {gib(memory_available_bytes)} available"
        return ok("gpu memory", message + held_by)
    message = f"{gib(free)} of {gib(gpu.vram_bytes)} free{held_by}"
    if gpu.vram_bytes - free > HELD_SHARE_LIMIT * gpu.vram_bytes:
        fix = "stop what holds it, or tune for what is left"
        return warn("gpu memory", message, fix)
    return ok("gpu memory", message)


def check_clocks(gpu: Gpu, state: GpuState) -> Check:
    """Whether heat or power hold the card down now, and which power limit it runs at."""
    facts = ", ".join(_clock_facts(gpu, state)) or "the driver tells neither clocks nor power"
    held = (state.events or 0) & FORCED_SLOWDOWN
    if held:
        names = ", ".join(name for bit, name in _SLOWDOWN_NAMES.items() if held & bit)
        return warn("gpu clocks", f"held down by {names}; {facts}", "let it cool; check its supply")
    return ok("gpu clocks", facts)


def _clock_facts(gpu: Gpu, state: GpuState) -> Iterable[str]:
    if state.sm_clock_mhz is not None:
        most = f" of {gpu.max_sm_clock_mhz}" if gpu.max_sm_clock_mhz else ""
        yield f"{state.sm_clock_mhz}{most} MHz"
    if gpu.power_limit_w is not None:
        limit = f"power limit {gpu.power_limit_w:.0f} W"
        if gpu.default_power_limit_w and gpu.power_limit_w < gpu.default_power_limit_w:
            limit += f" (default {gpu.default_power_limit_w:.0f} W: results hold for this limit)"
        yield limit
    if state.temperature_c is not None:
        yield f"{state.temperature_c} C"


def _holders(processes: Iterable[GpuProcess], name_of: Callable[[int], str]) -> str:
    """`` (held: name pid 1234 2.0 GiB, ...)``, the largest first; empty without any."""
    ordered = sorted(processes, key=lambda process: -(process.used_bytes or 0))
    parts = [f"{name_of(p.pid)} pid {p.pid}{_size(p.used_bytes)}" for p in ordered]
    return f" (held by {', '.join(parts)})" if parts else ""


def _size(n_bytes: int | None) -> str:
    return "" if n_bytes is None else f" {gib(n_bytes)}"
