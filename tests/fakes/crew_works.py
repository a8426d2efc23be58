"""What workers of a crew do in tests. Run as a script it is a watcher with one endless worker."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from autotune.cli import seat_process
from autotune.errors import MachineError
from autotune.search.events import AnchorMeasured, Event
from autotune.team.crew import Crew, Job, JobEnd, Progress, Seat, Tell, Told

main = seat_process.main


def said(number: int) -> Event:
    """An event that carries a number."""
    return AnchorMeasured(
        after=number, shift=None, floor=0.1, disagrees=False, doubtful=0, seconds=1.0
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """Tells so many events; a polite stop ends it between two, unless it is deaf."""

    gpu: str
    steps: int = 1
    fails: str = ""
    deaf: bool = False

    def do(self, tell: Tell, stop: threading.Event) -> JobEnd:
        """Stopped it exits 75."""
        if self.fails:
            raise MachineError(self.fails, "make some")
        for number in range(self.steps):
            if stop.is_set() and not self.deaf:
                return JobEnd(exit_code=75, result=self.gpu)
            tell(said(os.getpid() if self.gpu == "pid" else number))
            time.sleep(0.02 if self.steps > 3 else 0)
        result: Any = self.gpu
        if self.gpu == "affinity":
            result = sorted(os.sched_getaffinity(0))
        return JobEnd(exit_code=0, result=result)


def _watch() -> None:
    def show(progress: Progress) -> None:
        if isinstance(progress, Told) and isinstance(progress.event, AnchorMeasured):
            sys.stdout.write(f"{progress.event.after}\n")
            sys.stdout.flush()

    job = Job("a", ("GPU-1",), lambda _: Steps("pid", steps=100_000, deaf=True))
    Crew([job], [Seat("GPU-1", "first")], show, threading.Event(), main).run()


if __name__ == "__main__":
    _watch()
