"""Worker processes on the GPUs of this host: one a GPU, never two on one.

A crew has seats, each a GPU (or the processor) with its share of the host, and jobs, each of which
may be done on some of the seats. A job gets a process of its own, which keeps to the share of its
seat and speaks with this one over a pipe: work in, events out. Its engine is a child of that
process, so that it is stopped where it was started.

Words that are sent: `STOP`, the polite one, and `NOW`. The end of the pipe means `NOW` too: workers
never outlive the process that watches them.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from autotune.errors import ExitCode
from autotune.team.cores import Share

STOP, NOW = "stop", "now"

POLL_S = 0.2
"""How long it may take to hear that the run is to stop."""

LAST_S = 60.0
"""What workers get to stop their engines after the second Ctrl-C; an engine's own stop is bounded
to about twenty seconds. Those left are killed, and their engines die with them."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A GPU by its UUID, or ``cpu``; `label` is for people."""

    gpu: str
    label: str
    share: Share = field(default_factory=Share)


Tell = Callable[[Any], None]
"""Tells the process that watches: of a study its events."""


class Work(Protocol):
    """What a worker's process does; it is pickled on its way there."""

    def do(self, tell: Tell, stop: threading.Event) -> JobEnd:
        """Do it in that process's main thread. Raises `UserError` and `MachineError`."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """`name` is how it is called; `seats` are the UUIDs on any of which it may be done.

    `work` gives what is done on a seat, once it has one.
    """

    name: str
    seats: tuple[str, ...]
    work: Callable[[Seat], Work]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """How a job ended. `result` is what its work found; `error` and `hint` are set where it failed.

    `begun` is false for one that was told to stop before it had a seat.
    """

    exit_code: int
    result: Any = None
    error: str = ""
    hint: str = ""
    begun: bool = True

    @property
    def failed(self) -> bool:
        """Whether it ended by an error, and not by what it found."""
        return bool(self.error)


NOT_BEGUN = JobEnd(exit_code=int(ExitCode.STOPPED_EARLY), begun=False)


@dataclass(frozen=True, slots=True)
class Started:
    """A job has a seat."""

    job: str
    seat: Seat


@dataclass(frozen=True, slots=True)
class Told:
    """What a job's work told: of a study an `Event`."""

    job: str
    seat: Seat
    event: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """A job is done; `seat` is ``None`` for one that was never begun."""

    job: str
    seat: Seat | None
    end: JobEnd


Progress = Started | Told | Ended
Watcher = Callable[[Progress], None]
Target = Callable[[frozenset[int] | None, Connection], None]
"""The main function of a worker's process: the processors it keeps to, and its end of the pipe."""


@dataclass(slots=True)
class _Running:
    job: Job
    seat: Seat
    process: SpawnProcess
    pipe: Connection
    told: str = ""


@dataclass(slots=True)
class Crew:
    """Does `jobs` on `seats`. `stop` is the polite stop; `target` must be importable.

    To be used from the main thread, once.
    """

    jobs: Sequence[Job]
    seats: Sequence[Seat]
    watcher: Watcher
    stop: threading.Event
    target: Target
    _running: list[_Running] = field(default_factory=list)
    _waiting: list[Job] = field(default_factory=list)
    _ends: dict[str, JobEnd] = field(default_factory=dict)

    def run(self) -> dict[str, JobEnd]:
        """The ends of all jobs, by name, in their order.

        ``KeyboardInterrupt`` stops every engine before it is raised on.
        """
        self._waiting = list(self.jobs)
        try:
            while self._waiting or self._running:
                self._round()
        finally:
            self._end_all()
        return {job.name: self._ends[job.name] for job in self.jobs}

    def _round(self) -> None:
        if self.stop.is_set():
            self._give_up_waiting()
            self._say(STOP)
        else:
            self._fill()
        for pipe in wait([one.pipe for one in self._running], POLL_S):
            self._hear(next(one for one in self._running if one.pipe is pipe))

    def _fill(self) -> None:
        """Give every free seat the first job that may be done there."""
        taken = {one.seat.gpu for one in self._running}
        for seat in (one for one in self.seats if one.gpu not in taken):
            job = next((one for one in self._waiting if seat.gpu in one.seats), None)
            if job is not None:
                self._waiting.remove(job)
                self._start(job, seat)

    def _start(self, job: Job, seat: Seat) -> None:
        work = job.work(seat)
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(
            target=self.target, args=(seat.share.processors, theirs), name=job.name
        )
        with _sigint_later():
            process.start()
        theirs.close()
        self._running.append(_Running(job, seat, process, ours))
        self.watcher(Started(job.name, seat))
        with suppress(OSError):  # gone already: it is heard of at its end of the pipe
            ours.send(work)

    def _hear(self, one: _Running) -> None:
        try:
            said = one.pipe.recv()
        except (EOFError, OSError):
            self._finish(one, self._lost(one))
            return
        if isinstance(said, JobEnd):
            self._finish(one, said)
        else:
            self.watcher(Told(one.job.name, one.seat, said))

    def _lost(self, one: _Running) -> JobEnd:
        """The process is gone without a word."""
        one.process.join()
        if one.told:
            return JobEnd(exit_code=int(ExitCode.STOPPED_EARLY))
        code = one.process.exitcode or 0
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return JobEnd(
            exit_code=int(ExitCode.MACHINE),
            error=f"its process is gone ({how})",
            hint="run the same command again: it continues the study",
        )

    def _finish(self, one: _Running, end: JobEnd) -> None:
        one.pipe.close()
        one.process.join(LAST_S)
        if one.process.is_alive():
            one.process.kill()
        self._running.remove(one)
        self._ends[one.job.name] = end
        self.watcher(Ended(one.job.name, one.seat, end))

    def _give_up_waiting(self) -> None:
        for job in self._waiting:
            self._ends[job.name] = NOT_BEGUN
            self.watcher(Ended(job.name, None, NOT_BEGUN))
        self._waiting.clear()

    def _say(self, word: str) -> None:
        """Tell each worker a word once."""
        for one in self._running:
            if one.told not in (word, NOW):
                one.told = word
                with suppress(OSError):
                    one.pipe.send(word)

    def _end_all(self) -> None:
        """Stop what still runs: engines in peace, and then for good."""
        self._give_up_waiting()
        self._say(NOW)
        deadline = time.monotonic() + LAST_S
        while self._running and time.monotonic() < deadline:
            for pipe in wait([one.pipe for one in self._running], POLL_S):
                self._hear(next(one for one in self._running if one.pipe is pipe))
        for one in list(self._running):
            one.process.kill()
            self._finish(one, self._lost(one))


@contextmanager
def _sigint_later() -> Iterator[None]:
    """What is started in here has SIGINT blocked until it is ready for it; here it is held back."""
    resource_tracker.ensure_running()  # started by the first process, and then it unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
