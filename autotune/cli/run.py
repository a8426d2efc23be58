"""``autotune run``: from the command line to a search, and its result back."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from pydantic import Field

from autotune.cli.io import CommandIO
from autotune.cli.ray_flags import RAY, RayFlags
from autotune.cli.run_request import request_of
from autotune.cli.shared_flags import SharedFlags, shared_study
from autotune.cli.signals import stop_on_signals
from autotune.config.settings import Settings
from autotune.errors import ExitCode, UserError
from autotune.hardware.select import is_several
from autotune.report.display import RunDisplay, choose_display

if TYPE_CHECKING:
    from autotune.search.contest.request import ContestRequest
    from autotune.search.events import Event as RunEvent
    from autotune.search.events import Summary
    from autotune.search.request import RunRequest
    from autotune.team.shared_study import SharedStudy


class Run(Settings, RayFlags):
    """Find the settings that make this workload fast on this GPU.

    Starts the engine under candidate settings, replays the captured sessions against it, confirms
    the best against the engine's defaults and exports what wins. The same command again continues
    the study.

    With several engines (--engine a,b) the budget goes to the one that is likeliest to hold the
    winner, and one verdict names the engine and its settings; what is compared with is the default
    of the first one named, or --incumbent.

    With --gpu all, or a list of GPUs, each gets a worker of its own, with its share of the cores
    and of the host's memory. Identical GPUs search one study together, others have studies of their
    own.

    With --storage the run is one of several workers that search a study together, on one host or
    many: autotune worker --help says how. With --executor ray such workers are placed on the nodes
    of a Ray cluster, and placed anew where a node is lost.

    With --dry-run --assume-gpu it plans for a GPU that is not here, from what is known of that
    card: the space, what fits in its memory, and what is left out and why.

    Every flag from --new-study on can be given on the command line only; the others also in
    ./autotune.toml, in ~/.config/autotune/config.toml or as AUTOTUNE_NAME in the environment. Flags
    win.

    Examples:
        autotune run --workload captures/ --model model.gguf
        autotune run --gpu 3090 --workload captures/ --model model.gguf --budget 2h
        autotune run --gpu all --workload captures/ --model model.gguf --budget 2h
        autotune run --workload captures/ --model model.gguf --depth 30k-60k --objective ttft
        autotune run --workload captures/ --model model.gguf --set parallel=2 --dry-run
        autotune run --gpu 4090 --workload captures/ --model model.gguf --dry-run --assume-gpu
        autotune run --workload captures/ --engine llama-server,mine.toml --model model.gguf
        autotune run --workload captures/ --engine llama-server,vllm --model vllm=hf --model m.gguf
    """

    new_study: bool = Field(
        False, description="begin a new study (name-2, name-3, ...) instead of continuing one"
    )
    dry_run: bool = Field(False, description="show what would be done; start nothing")
    assume_gpu: bool = Field(
        False, description="with --dry-run: plan for the GPU of --gpu although it is not here"
    )
    allow_busy: bool = Field(False, description="measure on a GPU that others use")

    def run(self, io: CommandIO) -> int:
        """Searches; the exit code says how it ended."""
        if self.assume_gpu and not self.dry_run:
            raise UserError(
                "--assume-gpu plans for a GPU that is not here: nothing can be measured on it",
                "add --dry-run to see the plan, or leave --assume-gpu out",
            )
        request = self.request()
        if self.executor == RAY and not self.dry_run:
            from autotune.cli.run_ray import run_ray

            return run_ray(request, self, io)
        if is_several(self.gpu):
            from autotune.cli.run_gpus import run_gpus

            return run_gpus(request, io, self)
        if self.dry_run:
            from autotune.cli.dry_run import show_any_dry_run

            return show_any_dry_run(request, io)
        if self.storage is not None:
            return search_together(request, self, io)
        return _search(request, io=io)

    def request(self) -> RunRequest | ContestRequest:
        """What is asked of one engine, or of several. Raises `UserError` without a workload."""
        return request_of(self)


def search_together(request: RunRequest | ContestRequest, flags: SharedFlags, io: CommandIO) -> int:
    """One worker's part of a shared study; the exit code says how it ended."""
    return _search(*shared_study(flags, request), io=io)


def _search(
    request: RunRequest | ContestRequest, shared: SharedStudy | None = None, *, io: CommandIO
) -> int:
    from autotune.report.summary import print_summary

    display = choose_display(io.display, io.err, sys.stdout if io.json else None)
    watched = _Watched(display)
    try:
        summary = _run_listened(request, shared, display, watched)
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; to go on: {_again(request, shared, watched, io)}\n")
        return int(ExitCode.INTERRUPTED)
    if shared is not None and summary.resume is not None:
        summary = replace(summary, resume=shlex.join(io.argv))
    if not io.json:
        print_summary(summary, io.out)
    return summary.exit_code


@dataclass(slots=True)
class _Watched:
    """Passes events on, and remembers which study they are of: --new-study picks its name late."""

    display: RunDisplay
    study_dir: str | None = None

    def __call__(self, event: RunEvent) -> None:
        self.study_dir = getattr(event, "study_dir", self.study_dir)
        self.display(event)


def _run_listened(
    request: RunRequest | ContestRequest,
    shared: SharedStudy | None,
    display: RunDisplay,
    watched: _Watched,
) -> Summary:
    stop = Event()
    with display, stop_on_signals(stop, display):
        summary = with_exports(_run(request, shared, watched, stop))
        display(summary)
    return summary


def _run(
    request: RunRequest | ContestRequest,
    shared: SharedStudy | None,
    watched: _Watched,
    stop: Event,
) -> Summary:
    from autotune.search.contest.request import ContestRequest

    if isinstance(request, ContestRequest):
        from autotune.search.contest.session import run_contest

        return run_contest(request, watched, stop=stop)
    if shared is not None:
        from autotune.team.worker import run_worker

        return run_worker(request, shared, watched, stop)
    from autotune.search.session import run_study

    return run_study(request, watched, stop=stop)


def with_exports(summary: Summary) -> Summary:
    """`summary` with the winner written to the study's ``exports/`` in every format."""
    from autotune.export.formats import write_all
    from autotune.export.from_study import winner_config
    from autotune.study.folder import StudyFolder

    if summary.winner is None:
        return summary
    folder = StudyFolder(Path(summary.study_dir))
    paths = write_all(folder, winner_config(folder))
    return replace(summary, exports=tuple(str(path) for path in paths))


def _again(
    request: RunRequest | ContestRequest,
    shared: SharedStudy | None,
    watched: _Watched,
    io: CommandIO,
) -> str:
    """The command that goes on; before the study has a name, the one that was typed."""
    from autotune.search.contest.request import ContestRequest
    from autotune.search.contest.resume import contest_resume
    from autotune.search.resume import resume_command
    from autotune.study.folder import StudyFolder

    if watched.study_dir is None or shared is not None:
        return shlex.join(io.argv)
    folder = StudyFolder(Path(watched.study_dir))
    if isinstance(request, ContestRequest):
        return contest_resume(request, folder)
    return resume_command(request, folder)
