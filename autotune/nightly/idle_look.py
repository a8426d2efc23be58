"""What others do on this machine right now, looked at for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from statistics import fmean

from autotune.hardware.busy import busy_with
from autotune.hardware.gpu import Gpu, GpuProbe, GpuState
from autotune.hardware.load import LoadMeter
from autotune.hardware.processes import process_name
from autotune.hardware.telemetry_summary import other_cores_limit
from autotune.nightly.idle import Busy, Looked
from autotune.nightly.person import idle_s
from autotune.nightly.requests import requests_running

LOOKS = 5
LOOK_S = 1.0
"""Between looks: an agent that reads a reply leaves the card idle for a moment."""

LET_GO_S = 30.0
"""A driver may take seconds to give back what a process held that has just ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What a machine is looked at with. `gpu` is ``None`` for the processor.

    `endpoint` is the base URL of what serves; its engine holds the card's memory by right, so only
    what is computed counts. `ours` are process ids that may be busy.
    """

    gpu: Gpu | None
    probe: GpuProbe
    endpoint: str | None = None
    ours: Callable[[], Collection[int]] = tuple
    looks: int = LOOKS
    look_s: float = LOOK_S
    sleep: Callable[[float], None] = time.sleep
    name_of: Callable[[int], str] = process_name
    person: Callable[[], float | None] = idle_s
    requests: Callable[[str], int | None] = requests_running


def look(eyes: Eyes) -> Looked:
    """Several looks over a few seconds: the mean of the loads, the most of the requests."""
    meter = LoadMeter(eyes.ours)
    states, requests = [], []
    for _ in range(eyes.looks):
        eyes.sleep(eyes.look_s)
        states += [eyes.probe.state(eyes.gpu.uuid)] if eyes.gpu is not None else []
        requests.append(eyes.requests(eyes.endpoint) if eyes.endpoint is not None else None)
    share, by = _taken(states, eyes)
    load = meter.read()
    return Looked(
        gpu_share=share,
        gpu_by=by,
        cores=None if load is None else load.other_cores,
        core_limit=other_cores_limit(meter.cores),
        requests=max((n for n in requests if n is not None), default=None),
        person_s=eyes.person(),
    )


def _taken(states: list[GpuState], eyes: Eyes) -> tuple[float | None, str]:
    """The mean share of the card's time that others took, and who took most of it."""
    ours = set(eyes.ours())
    shares: list[float] = []
    by: dict[int, float] = {}
    for state in states:
        listed = [p for p in state.processes or () if p.pid not in ours and p.sm_share is not None]
        if state.processes is not None:
            shares.append(sum(p.sm_share or 0.0 for p in listed))
        for process in listed:
            by[process.pid] = by.get(process.pid, 0.0) + (process.sm_share or 0.0)
    most = max(by, key=by.__getitem__, default=None)
    who = "" if most is None else f"{eyes.name_of(most)} (pid {most})"
    return (fmean(shares) if shares else None), who


def still_held(eyes: Eyes, most_s: float = LET_GO_S) -> Busy | None:
    """Who is on the card once nothing should serve from it any more; ``None`` when it is free.

    Waits up to `most_s` for it to become so. Unlike before, memory in others' hands counts.
    """
    left_s = most_s
    while (held := _held(eyes)) is not None and left_s > 0:
        eyes.sleep(eyes.look_s)
        left_s -= max(eyes.look_s, 0.01)
    return None if held is None else Busy(held)


def _held(eyes: Eyes) -> str | None:
    if eyes.gpu is None:
        return None
    state = eyes.probe.state(eyes.gpu.uuid)
    return busy_with(eyes.gpu, state, ours=eyes.ours(), name_of=eyes.name_of)
