"""``autotune doctor --neighbours``: by how much workers on one host's GPUs disturb each other."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.cli.io import CommandIO
from autotune.cli.signals import stop_on_signals
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.search.aa import AaRun
    from autotune.search.events import Event
    from autotune.search.request import RunRequest
    from autotune.team.crew import Job, JobEnd, Seat, Watcher
    from autotune.team.neighbours import Disturbance

SCHEMA_VERSION = "neighbours/1"


def neighbours_of(request: RunRequest, workload: Path | None, seconds: float, io: CommandIO) -> int:
    """Measure the disturbance on the GPUs that `request` names, and print it.

    Raises `UserError` for fewer than two GPUs or no model, `MachineError` where nothing can be
    measured.
    """
    from autotune.search.aa import write_built_in
    from autotune.team.neighbours import measure_disturbance

    if request.model is None:
        raise UserError(
            "no model is named: neighbours are measured on an engine that serves one",
            "give a GGUF file, or the folder of a Hugging Face model: --model model.gguf",
        )
    seats = _seats(request)
    with tempfile.TemporaryDirectory(prefix="autotune-neighbours-") as place:
        path = write_built_in(Path(place) / "w.jsonl") if workload is None else workload.absolute()
        shown = _Shown(io)
        try:
            found = measure_disturbance(
                lambda seat: _on(replace(request, workload=path), seat),
                seats,
                seconds,
                shown.run_jobs,
                clock=time.monotonic,
                told=shown.told,
            )
        except KeyboardInterrupt:
            sys.stderr.write("stopped: nothing can be said of neighbours yet\n")
            return int(ExitCode.INTERRUPTED)
    _print(found, seats, io)
    return int(ExitCode.DONE)


def _seats(request: RunRequest) -> list[Seat]:
    from autotune.hardware.probe import gpu_probe
    from autotune.hardware.select import ALL
    from autotune.team.cores import divide_host
    from autotune.team.crew import Seat
    from autotune.team.gpus import resolve_gpus

    ask = ALL if request.gpu == "auto" else request.gpu
    with gpu_probe() as probe:
        gpus = [gpu for group in resolve_gpus(ask, probe.gpus()) for gpu in group.gpus]
    if len(gpus) < 2:
        raise UserError(
            f"--gpu {ask} is one GPU: it has no neighbour",
            "name several: --neighbours --gpu all, or --gpu 0,1",
        )
    shares = divide_host(len(gpus)).shares
    return [Seat(gpu.uuid, gpu.label, share) for gpu, share in zip(gpus, shares, strict=True)]


def _on(request: RunRequest, seat: Seat) -> RunRequest:
    share = seat.share
    return replace(request, gpu=seat.gpu, host_bytes=share.memory_bytes, partners=(os.getpid(),))


@dataclass(slots=True)
class _Shown:
    """Says on stderr how far it is; Ctrl-C ends it all, engines in peace."""

    io: CommandIO
    _told: threading.Event = field(default_factory=threading.Event)

    def run_jobs(
        self,
        jobs: Sequence[Job],
        seats: Sequence[Seat],
        watcher: Watcher,
        stop: threading.Event,
    ) -> Mapping[str, JobEnd]:
        from autotune.cli.seat_process import main
        from autotune.team.crew import Crew

        with stop_on_signals(self._told, self):
            ends = Crew(jobs, seats, watcher, _Either(stop, self._told), main).run()
        if self._told.is_set():
            raise KeyboardInterrupt
        return ends

    def told(self, phase: str, run: AaRun) -> None:
        from autotune.report.text import duration, number

        if self.io.display == "none":
            return
        loud = ", others used the machine" if run.disturbed else ""
        text = f"{phase}: {number(run.turn_s)} s/turn, took {duration(run.seconds)}{loud}"
        self.io.err.print(text, markup=False, highlight=False)

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Shows no events of studies: there are none."""

    def stopping(self, at_once: bool = False) -> None:
        """From a signal handler."""
        os.write(
            2, b"stopping the engines\n" if at_once else b"stopping after the runs under way\n"
        )


class _Either(threading.Event):
    """Set when it is set, or when the other one is."""

    def __init__(self, mine: threading.Event, other: threading.Event) -> None:
        super().__init__()
        self._either = (mine, other)

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._either)


def _print(found: Disturbance, seats: Sequence[Seat], io: CommandIO) -> None:
    if io.json:
        gpus = [seat.gpu for seat in seats]
        io.emit_json({"schema_version": SCHEMA_VERSION, "gpus": gpus, **found.to_json()})
        return
    for line in lines_of(found, seats[0].label):
        io.out.print(line, markup=False, highlight=False, soft_wrap=True)


def lines_of(found: Disturbance, label: str) -> list[str]:
    """The disturbance of the worker on `label`, in words."""
    from autotune.report.text import number, plural, times

    beside = plural(found.neighbours, "neighbour")
    if not found.is_shown:
        verdict = f"no disturbance by {beside} was shown"
    else:
        verdict = f"{beside} make{'s' if found.neighbours == 1 else ''} a difference"
    return [
        f"{verdict}: beside them a turn takes {times(found.ratio)} as long "
        f"(95% interval {times(found.low)} to {times(found.high)})",
        f"  {label}",
        f"  alone   {number(found.alone_s)} s/turn, {plural(found.alone_runs, 'run')}",
        f"  beside  {number(found.beside_s)} s/turn, {plural(found.beside_runs, 'run')}",
    ]
