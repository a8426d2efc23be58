"""By how much a worker is disturbed by those on the other GPUs of its host: A/A alone against A/A
beside them.

The same config is measured again and again on one GPU: alone, then while the other GPUs do the
same work, then alone again, so that a machine that drifts does not look like a neighbour. What is
compared are whole runs, each with an engine of its own: the logs of their seconds per turn, by
Welch's interval for the difference of two means (Welch, Biometrika 34, 1947), whose two variances
need not be equal.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, variance
from typing import Any

from autotune.errors import ExitCode, MachineError
from autotune.search.aa import LEAST_RUNS, AaRun, measure_floor
from autotune.search.request import RunRequest
from autotune.team.crew import Ended, Job, JobEnd, Progress, Seat, Tell, Told, Watcher

CONFIDENCE = 0.95

MEASURED = "measured"
"""The name of the worker that is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """How many times longer a turn takes beside neighbours, with the 95% interval of that ratio.

    `alone_s` and `beside_s` are seconds per turn, geometric means over the runs.
    """

    ratio: float
    low: float
    high: float
    alone_s: float
    beside_s: float
    alone_runs: int
    beside_runs: int
    neighbours: int

    @property
    def is_shown(self) -> bool:
        """Whether the interval is clear of none."""
        return not self.low <= 1.0 <= self.high

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "is_shown": self.is_shown}


def disturbance(alone: Sequence[float], beside: Sequence[float], neighbours: int) -> Disturbance:
    """What runs of so many seconds per turn say. Raises `MachineError` for fewer than two of each.

    ``ratio = exp(mean(log beside) - mean(log alone))``; the interval is Welch's on the logs.
    """
    if len(alone) < LEAST_RUNS or len(beside) < LEAST_RUNS:
        raise MachineError(
            "too few runs had a figure to tell whether neighbours disturb",
            "give more time with --seconds, or another workload with --workload",
        )
    first, second = [math.log(s) for s in alone], [math.log(s) for s in beside]
    shift, half = fmean(second) - fmean(first), _half_width(first, second)
    return Disturbance(
        ratio=math.exp(shift),
        low=math.exp(shift - half),
        high=math.exp(shift + half),
        alone_s=math.exp(fmean(first)),
        beside_s=math.exp(fmean(second)),
        alone_runs=len(alone),
        beside_runs=len(beside),
        neighbours=neighbours,
    )


def _half_width(first: Sequence[float], second: Sequence[float]) -> float:
    """Of Welch's interval, with the degrees of freedom of Welch and Satterthwaite."""
    from scipy.stats import t

    parts = [(variance(logs) / len(logs), len(logs) - 1) for logs in (first, second)]
    total = sum(part for part, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(part**2 / df for part, df in parts)
    return float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(total)


class _StopError(Exception):
    """The runs are enough."""


@dataclass(frozen=True, slots=True)
class NoiseWork:
    """The engine's defaults measured again and again, until told to stop."""

    request: RunRequest

    def do(self, tell: Tell, stop: threading.Event) -> JobEnd:
        """Tells every `AaRun`. Raises what an A/A run raises."""

        def told(run: AaRun) -> None:
            tell(run)
            if stop.is_set():
                raise _StopError

        try:
            while not stop.is_set():
                measure_floor(replace(self.request, noise_cache=None), math.inf, told)
        except _StopError:
            pass
        return JobEnd(exit_code=int(ExitCode.DONE), result=True)


RunJobs = Callable[[Sequence[Job], Sequence[Seat], Watcher, threading.Event], Mapping[str, JobEnd]]
"""Does jobs on seats until the event is set."""


@dataclass(slots=True)
class Look:
    """The runs of one phase, as they come; `stop` is set when they are enough.

    Runs count that began when every neighbour had made one: till then engines were loading.
    """

    seconds: float
    stop: threading.Event
    clock: Callable[[], float]
    told: Callable[[AaRun], None]
    least: int
    starting: set[str] = field(default_factory=set)
    turns_s: list[float] = field(default_factory=list)
    _since: float | None = None
    _runs: int = 0

    def __post_init__(self) -> None:
        if not self.starting:
            self._since = self.clock()

    def __call__(self, progress: Progress) -> None:
        """Takes a run in. Ends the phase where a worker ends by itself."""
        if isinstance(progress, Ended):
            self.stop.set()
        if not isinstance(progress, Told) or not isinstance(progress.event, AaRun):
            return
        if progress.job == MEASURED:
            self._measured(progress.event)
        elif progress.job in self.starting:
            self.starting.discard(progress.job)
            self._since = None if self.starting else self.clock()

    def _measured(self, run: AaRun) -> None:
        now = self.clock()
        if self._since is None or now - run.seconds < self._since:
            return
        self._runs += 1
        self.told(run)
        if run.turn_s is not None:
            self.turns_s.append(run.turn_s)
        if self._runs >= self.least and now - self._since >= self.seconds:
            self.stop.set()


def measure_disturbance(
    request: Callable[[Seat], RunRequest],
    seats: Sequence[Seat],
    seconds: float,
    run_jobs: RunJobs,
    *,
    clock: Callable[[], float],
    told: Callable[[str, AaRun], None],
) -> Disturbance:
    """Measure the first of `seats` alone, beside all others, and alone again, in about `seconds`.

    `request` is what is measured on a seat; `told` hears of every run that counts, with ``alone``
    or ``beside``. Raises `MachineError` where a worker cannot measure, or was told to stop.
    """
    jobs = [
        Job(MEASURED if at == 0 else seat.label, (seat.gpu,), lambda s: NoiseWork(request(s)))
        for at, seat in enumerate(seats)
    ]
    others = {job.name for job in jobs[1:]}
    found: dict[str, list[float]] = {"alone": [], "beside": []}
    for name, share, least in (("alone", 0.25, 1), ("beside", 0.5, LEAST_RUNS), ("alone", 0.25, 1)):
        beside = name == "beside"
        stop = threading.Event()
        look = Look(
            share * seconds,
            stop,
            clock,
            lambda run, name=name: told(name, run),  # type: ignore[misc]
            least,
            set(others) if beside else set(),
        )
        _check(run_jobs(jobs if beside else jobs[:1], seats, look, stop))
        found[name] += look.turns_s
    return disturbance(found["alone"], found["beside"], len(others))


def _check(ends: Mapping[str, JobEnd]) -> None:
    for name, end in ends.items():
        if end.failed:
            raise MachineError(f"{name}: {end.error}", end.hint)
