"""What a night is done with: the machine, and the parts that measure. Tests bring their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autotune.compare.request import CompareRequest
from autotune.compare.session import Compared, run_compare
from autotune.hardware.gpu import GpuProbe
from autotune.nightly.fingerprint import Caches
from autotune.nightly.idle import Looked
from autotune.nightly.idle_look import Eyes, look
from autotune.nightly.idle_wait import Clock
from autotune.nightly.site import boot_id
from autotune.search.events import Event, Listener, Summary
from autotune.search.request import RunRequest
from autotune.search.session import run_study

Tune = Callable[[RunRequest, Listener, threading.Event], Summary]
Duel = Callable[[CompareRequest, threading.Event], Compared]


class StoppedError(Exception):
    """The night was told to end while it waited: nothing was under way."""


def local_now() -> datetime:
    """The machine's time with its zone: deadlines are told by the clock on the wall."""
    return datetime.now().astimezone()


def _silent(event: Event) -> None:
    """Shows nothing."""


def _compared(request: CompareRequest, stop: threading.Event) -> Compared:
    return run_compare(request, lambda _: None, stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightTools:
    """`locks` is one folder for all of a user's nights. `stop` is the polite stop: what is being
    measured comes to its end. `say` is told what happens, a line each; `listener` hears the study.
    """

    environ: Mapping[str, str]
    probe: GpuProbe
    caches: Caches
    locks: Path
    stop: threading.Event = field(default_factory=threading.Event)
    say: Callable[[str], None] = lambda _text: None
    listener: Listener = _silent
    boot: str = field(default_factory=boot_id)
    now: Callable[[], datetime] = local_now
    monotonic: Callable[[], float] = time.monotonic
    look: Callable[[Eyes], Looked] = look
    tune: Tune = run_study
    duel: Duel = _compared

    @property
    def clock(self) -> Clock:
        """The time, and a sleep that a stop ends with `StoppedError`."""
        return Clock(now=self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Raises `StoppedError` when told to end meanwhile."""
        if self.stop.wait(seconds):
            raise StoppedError
