"""``autotune run --gpu all`` or ``--gpu A,B``: a worker process on each GPU of this host."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

from autotune.cli.io import CommandIO
from autotune.cli.signals import stop_on_signals
from autotune.cli.user_cache import lock_folder
from autotune.errors import ExitCode, UserError, gravest

if TYPE_CHECKING:
    from autotune.cli.shared_flags import SharedFlags
    from autotune.hardware.gpu import Gpu
    from autotune.report.gains import GainRow
    from autotune.search.contest.request import ContestRequest
    from autotune.search.request import RunRequest
    from autotune.team.cores import Division, Share
    from autotune.team.crew import Job, JobEnd, Progress, Seat, Watcher, Work
    from autotune.team.gpus import GpuGroup
    from autotune.team.shared_study import SharedStudy

SCHEMA_VERSION = "gpus/1"


def run_gpus(
    request: RunRequest | ContestRequest, io: CommandIO, flags: SharedFlags | None = None
) -> int:
    """Tune on every GPU that `request` names; the exit code is the gravest of the workers'.

    `flags` may name a storage: the workers are then some of those that search together in it.
    Raises `UserError` for what cannot be done on several, `MachineError` for GPUs that are not
    here.
    """
    plan = plan_gpus(_single(request), _together(request, flags))
    if plan.request.dry_run:
        return _show_plan(plan, io)
    for note in plan.notes:
        io.err.print(f"note: {note}", markup=False, soft_wrap=True)
    try:
        ends = run_crew(plan.jobs(), plan.seats, io)
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; to go on: {shlex.join(io.argv)}\n")
        return int(ExitCode.INTERRUPTED)
    return _conclude(plan, ends, io)


def _single(request: RunRequest | ContestRequest) -> RunRequest:
    from autotune.search.contest.request import ContestRequest

    if isinstance(request, ContestRequest):
        raise UserError(
            "several GPUs and several engines at once cannot be told apart in one run",
            "name one engine with --engine, or one GPU with --gpu",
        )
    if request.assume_gpu:
        raise UserError(
            f"--assume-gpu plans for one GPU, and --gpu {request.gpu} is several",
            "name one: --gpu 4090",
        )
    return request


def _together(
    request: RunRequest | ContestRequest, flags: SharedFlags | None
) -> SharedStudy | None:
    """The shared study that `flags` name; ``None`` where they name none."""
    if flags is None or flags.storage is None:
        return None
    from autotune.cli.shared_flags import shared_study

    return shared_study(flags, request)[1]


@dataclass(frozen=True, slots=True)
class _Place:
    """A GPU with its worker: what it is called, its study, and its share of the host."""

    name: str
    gpu: Gpu
    study: str
    is_shared: bool
    share: Share


@dataclass(frozen=True, slots=True)
class GpusPlan:
    """Which worker does what; `together` is where they search with those of other hosts."""

    request: RunRequest
    places: tuple[_Place, ...]
    notes: tuple[str, ...]
    together: SharedStudy | None = None

    @property
    def seats(self) -> tuple[Seat, ...]:
        """A seat a GPU."""
        from autotune.team.crew import Seat

        return tuple(Seat(one.gpu.uuid, one.gpu.label, one.share) for one in self.places)

    def jobs(self) -> tuple[Job, ...]:
        """A job a GPU, which can be done there alone."""
        from autotune.team.crew import Job

        return tuple(Job(one.name, (one.gpu.uuid,), self._worker(one)) for one in self.places)

    def _worker(self, place: _Place) -> Callable[[Seat], Work]:
        request = replace(self.request, study=place.study, new_study=False)
        shared = self._shared(place)
        return lambda seat: tune_work(request, seat, shared)

    def _shared(self, place: _Place) -> SharedStudy | None:
        if self.together is not None:
            return replace(self.together, name=place.study)
        return _of_this_host(self.request, place.study) if place.is_shared else None


def tune_work(request: RunRequest, seat: Seat, shared: SharedStudy | None = None) -> Work:
    """A study as the work of `seat`, with its share of the host; `shared` where others join in."""
    from autotune.cli.tune_work import TuneWork

    mine = replace(
        request,
        gpu=seat.gpu,
        host_bytes=seat.share.memory_bytes,
        partners=() if seat.share.memory_bytes is None else (os.getpid(),),
    )
    return TuneWork(request=mine, locks=lock_folder(os.environ), shared=shared)


def plan_gpus(request: RunRequest, together: SharedStudy | None = None) -> GpusPlan:
    """Find the GPUs, name their studies and divide the host. Starts nothing."""
    from autotune.hardware.probe import gpu_probe
    from autotune.team.cores import divide_host
    from autotune.team.gpus import resolve_gpus

    with gpu_probe() as probe:
        groups = resolve_gpus(request.gpu, probe.gpus())
    division = divide_host(sum(len(group.gpus) for group in groups))
    places = tuple(_places(request, groups, division))
    if together is not None:
        places = tuple(replace(place, is_shared=True) for place in places)
    return GpusPlan(request, places, _notes(division), together)


def _notes(division: Division) -> tuple[str, ...]:
    return () if division.note is None else (division.note,)


def _places(
    request: RunRequest, groups: Sequence[GpuGroup], division: Division
) -> Iterator[_Place]:
    shares = iter(division.shares)
    names = _names([gpu for group in groups for gpu in group.gpus])
    for group in groups:
        study = _study(request, group, alone=len(groups) == 1)
        for gpu in group.gpus:
            yield _Place(names[gpu.uuid], gpu, study, len(group.gpus) > 1, next(shares))


def _names(gpus: Sequence[Gpu]) -> dict[str, str]:
    """``GPU 0``; parts of one card share its index, and go by their UUID."""
    counts = [gpu.index for gpu in gpus]
    return {
        gpu.uuid: f"GPU {gpu.index}" if counts.count(gpu.index) == 1 else gpu.uuid[:12]
        for gpu in gpus
    }


def _study(request: RunRequest, group: GpuGroup, *, alone: bool) -> str:
    """The study of a kind of GPU; its name says which kind where there are several."""
    from autotune.search.setup import find_engine, slug, study_folder

    kind = group.name if alone else group.slug
    if request.study is None:
        launcher, _, _ = find_engine(request)
        stem = "model" if request.model is None else request.model.stem
        name = slug(f"{stem}-{launcher.name}-{kind}")
    else:
        name = request.study if alone else f"{request.study}-{kind}"
    return study_folder(replace(request, study=name), "", group.gpus[0]).name


def _of_this_host(request: RunRequest, study: str) -> SharedStudy:
    """The database that identical GPUs share; each worker has a folder of its own besides."""
    from autotune.study.files import disk_error
    from autotune.team.shared_study import SharedStudy
    from autotune.team.storage_url import StorageUrl

    folder = request.studies_dir.expanduser().absolute() / "shared"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(folder, error) from error
    return SharedStudy(url=StorageUrl(path=folder / f"{study}.db"), name=study)


def _nobody(_: Progress) -> None:
    """Watches nothing."""


def run_crew(
    jobs: Sequence[Job],
    seats: Sequence[Seat],
    io: CommandIO,
    watcher: Watcher = _nobody,
    stop: Event | None = None,
) -> dict[str, JobEnd]:
    """Do `jobs`, shown in one place; the ends by name. Ctrl-C once and twice as for one run.

    `watcher` is told before the display is. `stop` is the polite stop, set by the first Ctrl-C.
    """
    from autotune.cli.seat_process import main
    from autotune.report.crew_lines import choose_crew_display
    from autotune.team.crew import Crew

    stop = stop or Event()
    display = choose_crew_display(
        io.display, io.err, sys.stdout if io.json else None, time.monotonic
    )

    def both(progress: Progress) -> None:
        watcher(progress)
        display(progress)

    with display, stop_on_signals(stop, display):
        return Crew(jobs, seats, both, stop, main).run()


def _conclude(plan: GpusPlan, ends: Mapping[str, JobEnd], io: CommandIO) -> int:
    from autotune.report.gains import print_gains

    rows = [end_row(one.name, one.gpu.name, one.study, ends[one.name]) for one in plan.places]
    code = gravest(end.exit_code for end in ends.values())
    if io.json:
        workers = [row.to_json() for row in rows]
        io.emit_json({"schema_version": SCHEMA_VERSION, "workers": workers, "exit_code": int(code)})
        return int(code)
    print_gains(rows, io.out, "worker")
    _print_exports(ends, io)
    if code == ExitCode.STOPPED_EARLY:
        io.err.print(f"to go on: {shlex.join(io.argv)}", markup=False, soft_wrap=True)
    return int(code)


def end_row(name: str, gpu: str, study: str, end: JobEnd) -> GainRow:
    """How a job ended, as a row of the table."""
    from autotune.report.gains import GainRow, gain_row, state_of

    if end.result is not None:
        return gain_row(name, gpu, asdict(end.result))
    state = "not begun" if not end.begun else state_of(end.exit_code)
    return GainRow(
        name=name,
        gpu=gpu,
        state="failed" if end.failed else state,
        verdict=end.error,
        hint=end.hint,
        study=study,
        exit_code=end.exit_code,
    )


def _print_exports(ends: Mapping[str, JobEnd], io: CommandIO) -> None:
    for name, end in ends.items():
        for path in () if end.result is None else end.result.exports:
            io.out.print(f"{name}: {path}", markup=False, soft_wrap=True)


def _show_plan(plan: GpusPlan, io: CommandIO) -> int:
    """What would be done on which GPU; starts nothing."""
    rows = [_plan_row(one) for one in plan.places]
    if io.json:
        document = {"schema_version": SCHEMA_VERSION, "dry_run": True, "notes": plan.notes}
        io.emit_json({**document, "workers": rows})
        return int(ExitCode.DONE)
    for row, one in zip(rows, plan.places, strict=True):
        io.out.print(_plan_line(row, one), markup=False, soft_wrap=True)
    for note in plan.notes:
        io.out.print(f"note: {note}", markup=False, soft_wrap=True)
    return int(ExitCode.DONE)


def _plan_row(place: _Place) -> dict[str, Any]:
    processors = place.share.processors
    return {
        "worker": place.name,
        "gpu": place.gpu.uuid,
        "gpu_name": place.gpu.name,
        "study": place.study,
        "shared": place.is_shared,
        "processors": None if processors is None else sorted(processors),
        "memory_bytes": place.share.memory_bytes,
    }


def _plan_line(row: Mapping[str, Any], place: _Place) -> str:
    from autotune.report.crew_lines import ranges

    processors, memory = place.share.processors, place.share.memory_bytes
    parts = [
        f"study {place.study}" + (", shared" if place.is_shared else ""),
        "" if processors is None else f"processors {ranges(processors)}",
        "" if memory is None else f"{memory / 2**30:.1f} GiB of host memory",
    ]
    return f"{row['worker']}: {place.gpu.label}; {'; '.join(part for part in parts if part)}"
