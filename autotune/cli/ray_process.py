"""The process of one worker on a node of a Ray cluster: settings in on stdin, events out on stdout.

Started by `autotune.team.ray_worker` and by nothing else; it is no command. Ray kills the children
of an actor together with it, so this one leaves that family first: its engine is then stopped in
peace. It ends when its stdin does, which is when the actor, or its node's Ray, is gone.
"""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from autotune.errors import AutotuneError, ExitCode, MachineError, UserError

if TYPE_CHECKING:
    from autotune.search.events import Event, Summary
    from autotune.search.request import RunRequest
    from autotune.team.worker_settings import WorkerSettings

LAST_S = 50.0
"""After which a process that was told to stop at once and does not is ended with its engine."""

STDIN, STDOUT, STDERR = 0, 1, 2


def main() -> int:
    """Run one worker to its end; the exit code is the worker's."""
    _leave_family()
    wire = _Wire(_private_stdout())
    orders = _Orders(io.FileIO(STDIN, closefd=False))
    ended = _guarded(wire, orders)
    orders.over.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire.send({"ended": ended})
    return int(ended["exit_code"])


def _leave_family() -> None:
    """Become nobody's child, in a session of its own. Must be the first thing that is done."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _private_stdout() -> int:
    """Where events go; what libraries print to stdout goes to stderr, into the node's own log."""
    private = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    return private


@dataclass(slots=True)
class _Wire:
    """JSON objects, one a line, to whoever started this. A reader that is gone is no error here:
    stdin ends then too."""

    handle: int

    def send(self, row: Mapping[str, Any]) -> None:
        """One object, whole or not at all as far as the reader can tell."""
        # Python reads back what JSON has no word for (a figure that is not finite).
        data = (json.dumps(row, default=str, ensure_ascii=False) + "\n").encode()
        with suppress(BrokenPipeError):
            while data:
                data = data[os.write(self.handle, data) :]

    def tell(self, event: Event) -> None:
        """An event of the search."""
        from autotune.team.event_wire import to_wire

        row = to_wire(event)
        if row is not None:
            self.send(row)


@dataclass(slots=True)
class _Orders:
    """What comes on stdin: the settings, then words."""

    source: io.FileIO
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def first(self) -> dict[str, Any]:
        """The settings and what they come with. Raises `UserError` for anything else."""
        try:
            order = json.loads(self.source.readline())
        except ValueError:
            order = None
        if not isinstance(order, dict) or not isinstance(order.get("settings"), str):
            raise UserError(
                "this process was started without settings",
                "it is started by autotune run --executor ray only",
            )
        return order

    def follow(self) -> None:
        """Hear words until the one that ends it, or the end of them all."""
        from autotune.team.ray_worker import STOP

        while (line := self.source.readline().strip().decode(errors="replace")) == STOP:
            self.stop.set()
        self.stop.set()
        if self.over.is_set():
            return
        main_thread = threading.main_thread().ident
        assert main_thread is not None
        signal.pthread_kill(main_thread, signal.SIGINT)
        if not self.over.wait(LAST_S):
            sys.stderr.write(f"told {line or 'nothing more'}, and did not stop: ending at once\n")
            os._exit(int(ExitCode.MACHINE))


def _guarded(wire: _Wire, orders: _Orders) -> dict[str, Any]:
    """How the worker ended. The boundary: whatever happens is told and not lost."""
    try:
        return _ended(_work(wire, orders))
    except AutotuneError as error:
        return _failed(error)
    except KeyboardInterrupt:
        return {"exit_code": int(ExitCode.INTERRUPTED)}
    except Exception as error:  # noqa: BLE001  # as in `autotune.cli.main`: a bug is told
        from autotune.cli.errors import unexpected

        traceback.print_exc()
        return _failed(unexpected(error))


def _ended(summary: Summary) -> dict[str, Any]:
    return {"exit_code": int(summary.exit_code), "summary": asdict(summary)}


def _failed(error: AutotuneError) -> dict[str, Any]:
    return {"exit_code": int(error.exit_code), "error": error.message, "hint": error.hint}


def _work(wire: _Wire, orders: _Orders) -> Summary:
    from autotune.cli.run import with_exports
    from autotune.team.artifacts_url import parse_artifacts
    from autotune.team.storage_url import parse_storage
    from autotune.team.worker import SharedStudy, run_worker
    from autotune.team.worker_settings import read_settings

    order = orders.first()
    wire.send({"host": platform.node()})
    settings = read_settings(order["settings"])
    _hear_stops(orders)
    _be_no_nicer(wire)
    request = _request(settings, [str(one) for one in order.get("gpus", [])])
    shared = SharedStudy(
        url=parse_storage(settings.storage),
        name=settings.study,
        artifacts=None if settings.artifacts is None else parse_artifacts(settings.artifacts),
        heartbeat_s=settings.heartbeat_s,
    )
    with _gpu_locked(request, settings.study):
        return with_exports(run_worker(request, shared, wire.tell, orders.stop))


@contextmanager
def _gpu_locked(request: RunRequest, study: str) -> Iterator[None]:
    """Keep the card to this worker, also from an autotune that Ray knows nothing of.

    On processors a node may have several workers, with cores of their own.
    """
    from autotune.cli.user_cache import lock_folder
    from autotune.nightly.gpu_lock import worker_lock

    if request.gpu == "cpu":
        yield
        return
    with worker_lock(request.gpu, lock_folder(os.environ), study):
        yield


def _hear_stops(orders: _Orders) -> None:
    """From here on a word on stdin, its end, or SIGTERM stops the worker."""
    signal.signal(signal.SIGINT, _interrupt_once())
    signal.signal(signal.SIGTERM, lambda *_: orders.stop.set())
    threading.Thread(target=orders.follow, daemon=True).start()


def _be_no_nicer(wire: _Wire) -> None:
    """Run as what serves does: Ray gives its workers the lowest priority but four, and an engine
    that inherits it is measured slow by whatever else the host does."""
    from autotune.search.events import Notice

    try:
        if os.getpriority(os.PRIO_PROCESS, 0) > 0:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
    except OSError:
        wire.tell(
            Notice("Ray runs workers niced: start it with RAY_worker_niceness=0 in its environment")
        )


def _interrupt_once() -> Any:
    """A handler that interrupts the first time: a second time would break the engine's stop."""
    done = threading.Event()

    def handler(*_: object) -> None:
        if not done.is_set():
            done.set()
            raise KeyboardInterrupt

    return handler


def _request(settings: WorkerSettings, gpus: list[str]) -> RunRequest:
    """What is asked of this worker, on the GPU that Ray gave it and in the time that is left."""
    from autotune.cli.user_cache import noise_folder

    request = settings.request
    if settings.until is not None and request.effective_budget_s is not None:
        left_s = settings.until - time.time()
        if left_s <= 0:
            raise MachineError(
                "the time of the run was over before this worker began",
                "run the same command again: it continues the study",
            )
        request = replace(request, budget_s=min(request.effective_budget_s, left_s))
    return replace(request, gpu=_gpu(request.gpu, gpus), noise_cache=noise_folder(os.environ))


def _gpu(asked: str, given: list[str]) -> str:
    """The UUID of the GPU that Ray gave, or ``cpu``; checked to be one that was asked for."""
    from autotune.hardware.probe import gpu_probe
    from autotune.hardware.select import select_gpu

    if not given:
        return "cpu"
    with gpu_probe() as probe:
        cards = probe.gpus()
        mine = [c for c in cards if given[0] == str(c.index) or c.uuid.startswith(given[0])]
        if len(mine) != 1:
            raise MachineError(
                f"Ray gave this worker GPU {given[0]}, which is not seen on {platform.node()}",
                "check the node's driver: autotune doctor",
            )
        card = select_gpu(asked, mine)
    return mine[0].uuid if card is None else card.uuid


if __name__ == "__main__":
    sys.exit(main())
