"""``autotune run --executor ray``: a shared study, with a worker on each node that has room."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

from autotune.cli.io import CommandIO
from autotune.cli.ray_flags import RayFlags
from autotune.cli.signals import stop_on_signals
from autotune.errors import AutotuneError, ExitCode, MachineError, UserError

if TYPE_CHECKING:
    from autotune.report.cluster_lines import ClusterDisplay
    from autotune.search.contest.request import ContestRequest
    from autotune.search.events import Summary
    from autotune.search.request import RunRequest
    from autotune.team.placing import Node
    from autotune.team.ray_progress import WorkerEnd
    from autotune.team.worker_settings import WorkerSettings


def run_ray(request: RunRequest | ContestRequest, flags: RayFlags, io: CommandIO) -> int:
    """Run workers on the cluster until the study is done; the exit code says how it ended.

    Raises `UserError` and `MachineError`, also what every worker failed with.
    """
    from autotune.report.cluster_lines import choose_cluster_display
    from autotune.team.ray_address import ray_address

    settings = _settings(request, flags)
    address = ray_address(flags.address, os.environ)
    _say_whom_it_trusts(address)
    json_to = sys.stdout if io.json else None
    display = choose_cluster_display(io.display, sys.stderr, json_to, time.monotonic)
    try:
        ends = _run(settings, address, flags, display)
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; to go on: {shlex.join(io.argv)}\n")
        return int(ExitCode.INTERRUPTED)
    return _conclude(ends, io)


def _say_whom_it_trusts(address: str) -> None:
    """Ray listens on every network of a host, also where it was started for this host alone."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        sys.stderr.write(
            f"warning: Ray at {address} asks for no token: whoever reaches it can run programs on "
            "its nodes (start it with RAY_AUTH_MODE=token)\n"
        )


def _settings(request: RunRequest | ContestRequest, flags: RayFlags) -> WorkerSettings:
    """What the workers are told. Raises `UserError` for what cannot be shared among them."""
    from autotune.cli.shared_flags import shared_study
    from autotune.team.worker_settings import WorkerSettings, absolute

    request, shared = shared_study(flags, request)
    budget_s = request.effective_budget_s
    return WorkerSettings(
        request=absolute(request),
        storage=str(shared.url),
        study=shared.name,
        artifacts=None if shared.artifacts is None else str(shared.artifacts),
        until=None if budget_s is None else time.time() + budget_s,
        heartbeat_s=shared.heartbeat_s,
    )


def _run(
    settings: WorkerSettings, address: str, flags: RayFlags, display: ClusterDisplay
) -> list[WorkerEnd]:
    from autotune.team.placing import parse_amounts, place, room
    from autotune.team.ray_cluster import connected, run_workers

    asked = parse_amounts(flags.place)
    stop = Event()
    with connected(address) as nodes:
        _check_shared(settings.storage, nodes)
        placement = place(settings.request.gpu, asked, nodes)
        workers = flags.workers or room(placement, nodes)
        open_first(settings)
        with display, stop_on_signals(stop, display):
            return run_workers(settings, placement, nodes, workers, display, stop)


def open_first(settings: WorkerSettings) -> None:
    """Make the study before anybody works on it: a database that does not answer is told at once,
    and its tables are not made by several at the same moment.

    Raises `UserError` and `MachineError`.
    """
    from autotune.team.shared_study import open_shared
    from autotune.team.storage_url import parse_storage

    with open_shared(parse_storage(settings.storage), settings.study):
        return


def _check_shared(storage: str, nodes: Sequence[Node]) -> None:
    """Raise `UserError` for a storage that is a file of this host, where there are others."""
    others = sorted({node.host for node in nodes} - {platform.node()})
    if storage.startswith("sqlite") and others:
        raise UserError(
            f"{storage} is a file of this host, and the cluster has others: {', '.join(others)}",
            "give a database that every node reaches: --storage postgresql://USER@HOST/DATABASE",
        )


_ORDER = (
    ExitCode.DONE,
    ExitCode.NOTHING_BETTER,
    ExitCode.NO_FEASIBLE_TRIAL,
    ExitCode.STOPPED_EARLY,
)
"""Of several workers' ends the first that there is says how the study stands."""


def _conclude(ends: Sequence[WorkerEnd], io: CommandIO) -> int:
    """Print how it ended, as the worker that knows most of it tells it.

    Raises what the first worker failed with where none has anything to tell.
    """
    whole = [(n, end) for n, end in enumerate(ends, start=1) if not end.failed]
    if not whole and ends:
        raise _as_error(ends)
    for number, end in enumerate(ends, start=1):
        if end.failed:
            sys.stderr.write(f"warning: worker {number} failed: {end.error}\n")
    number, best = min(whole, key=lambda row: _rank(row[1]))
    if best.summary is not None:
        _print(_summary(best.summary, number, io), io)
    else:
        sys.stderr.write(f"stopped before anything was measured; to go on: {shlex.join(io.argv)}\n")
    return best.exit_code


def _rank(end: WorkerEnd) -> tuple[int, bool]:
    known = [int(code) for code in _ORDER]
    place = known.index(end.exit_code) if end.exit_code in known else len(known)
    return place, end.summary is None


def _as_error(ends: Sequence[WorkerEnd]) -> AutotuneError:
    first = ends[0]
    alike = sum(end.error == first.error for end in ends)
    kind = UserError if first.exit_code == ExitCode.USAGE else MachineError
    which = "every worker" if alike == len(ends) > 1 else "worker 1"
    return kind(f"{which} failed: {first.error}", first.hint)


def _summary(fields: Mapping[str, object], number: int, io: CommandIO) -> Summary:
    """A worker's own summary; its paths are of its host, and what goes on is typed here."""
    from autotune.search.events import Summary
    from autotune.team.event_wire import from_wire

    told = from_wire({"event": Summary.__name__, "fields": dict(fields)})
    assert isinstance(told, Summary)
    note = f"paths are of the host of worker {number}"
    resume = None if told.resume is None else shlex.join(io.argv)
    return replace(told, notes=(*told.notes, note), resume=resume)


def _print(summary: Summary, io: CommandIO) -> None:
    from autotune.report.json_lines import event_object
    from autotune.report.summary import print_summary

    if io.json:
        io.emit_json(event_object(summary))
    else:
        print_summary(summary, io.out)
