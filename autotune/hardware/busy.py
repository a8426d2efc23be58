"""Whether somebody else is using a card: what is measured beside them is not the card's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from autotune.hardware.gpu import Gpu, GpuProcess, GpuState
from autotune.hardware.telemetry_summary import OTHER_GPU_SHARE_LIMIT

HELD_BY_OTHERS = 0.1
"""Of the card's memory, in the hands of other compute processes (a desktop's are not listed)."""

HELD_BY_NOBODY = 0.25
"""Of the card's memory, taken although no process is listed: in a container others are not seen."""


def busy_with(
    gpu: Gpu,
    state: GpuState,
    *,
    ours: Collection[int],
    name_of: Callable[[int], str],
) -> str | None:
    """What others do on `gpu`, in words, where it is too much to measure beside; else ``None``.

    `ours` are process ids that may be there; `name_of` gives a process's name.
    """
    others = [p for p in state.processes or () if p.pid not in ours]
    working = [p for p in others if (p.sm_share or 0.0) > OTHER_GPU_SHARE_LIMIT]
    if working:
        return f"{_names(working, name_of)} compute on it"
    held = _held_share(gpu, state, others)
    if others and held > HELD_BY_OTHERS:
        return f"{_names(others, name_of)} hold {held:.0%} of its memory"
    if not others and held > HELD_BY_NOBODY:
        return f"{held:.0%} of its memory is taken by processes that the driver does not list"
    return None


def _held_share(gpu: Gpu, state: GpuState, others: Sequence[GpuProcess]) -> float:
    """Of the card's memory: what `others` hold where that is told of all of them, else all that
    is taken; 0 where the card has no memory of its own."""
    if not gpu.vram_bytes:
        return 0.0
    told = [process.used_bytes for process in others]
    if told and None not in told:
        return sum(n_bytes or 0 for n_bytes in told) / gpu.vram_bytes
    free = gpu.free_bytes if state.free_bytes is None else state.free_bytes
    return 0.0 if free is None else 1 - free / gpu.vram_bytes


def _names(processes: Sequence[GpuProcess], name_of: Callable[[int], str]) -> str:
    return ", ".join(f"{name_of(p.pid)} (pid {p.pid})" for p in processes)
