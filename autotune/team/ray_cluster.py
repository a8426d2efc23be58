"""Workers of a shared study on the nodes of a Ray cluster, and what becomes of them.

The driver sends settings (`WorkerSettings`) and hears events; it never takes part in the search.
What was measured is in the study's storage, so that a driver, a node or a worker that is lost
costs the trials they had under way and nothing else.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.errors import AutotuneError, ExitCode, MachineError, UserError
from autotune.team.event_wire import from_wire
from autotune.team.placing import Node, Placement, room
from autotune.team.ray_address import check_answers
from autotune.team.ray_progress import (
    STOPPED,
    Away,
    Ended,
    Joined,
    Placed,
    Told,
    Watcher,
    WorkerEnd,
)
from autotune.team.ray_worker import ENDED, EVENT, HOST, RayWorker
from autotune.team.worker_settings import WorkerSettings

if TYPE_CHECKING:
    from ray.exceptions import RayActorError

_STDERR = 2
EXTRA = "pip install 'autotune-serving[ray]'"

POLL_S = 0.5
AGAIN_S = 1.0
"""Between two questions to an actor that has no node."""

MOST_CRASHES = 3
"""Of one worker's process: what ends it so often ends it on every node."""

MOST_MOVES = 20
"""Times that one worker is placed anew: a node that comes and goes all the time is no use."""

DEAD_S = 15.0
"""How long Ray must call an actor dead, and not only away, before that is believed."""

LAST_S = 60.0
"""What workers get to stop their engines after the second Ctrl-C; an engine's own stop is bounded
to about twenty seconds."""


@contextmanager
def connected(address: str) -> Iterator[list[Node]]:
    """A connection to the cluster at `address` (HOST:PORT), with its nodes that are alive.

    Must be entered in the main thread of a process on one of those nodes. Raises `UserError`
    without Ray or where its token is wrong, `MachineError` where no cluster answers.
    """
    try:
        import ray
        from ray.exceptions import AuthenticationError, RayError
    except ImportError:
        raise UserError("--executor ray needs Ray, which is not installed", EXTRA) from None
    check_answers(address)
    try:
        with _muted_stderr():
            ray.init(
                address=address, namespace="autotune", configure_logging=False, log_to_driver=False
            )
    except AuthenticationError:
        raise _no_token(address) from None
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise _not_joined(address, error) from None
    # Ray tells of nodes that are lost on ``sys.stdout``, where data is to go; so does the driver.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        try:
            yield _nodes(ray.nodes())
        finally:
            ray.shutdown()


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """While Ray connects, its own log stays off the terminal: a line a second for a wrong token.

    It is written by C++ to the file itself, past ``sys.stderr``.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


def _no_token(address: str) -> UserError:
    return UserError(
        f"the Ray cluster at {address} does not take the token of the environment",
        "set RAY_AUTH_MODE=token and the cluster's RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH)",
    )


def _not_joined(address: str, error: Exception) -> AutotuneError:
    # Only the text of what lies behind it says that a token was wrong or missing.
    if "Unauthenticated" in f"{error} {error.__cause__}":
        return _no_token(address)
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return MachineError(
        f"the Ray cluster at {address} cannot be joined: {reason}",
        "run this on one of its nodes, with the same Ray: ray --version",
    )


def _nodes(rows: Sequence[dict[str, Any]]) -> list[Node]:
    return [
        Node(row["NodeID"], row["NodeManagerHostname"], dict(row["Resources"]))
        for row in rows
        if row["Alive"]
    ]


def run_workers(
    settings: WorkerSettings,
    placement: Placement,
    nodes: Sequence[Node],
    workers: int,
    watcher: Watcher,
    stop: threading.Event,
) -> list[WorkerEnd]:
    """Run `workers` workers to their ends, in the order of their slots. Needs `connected`.

    `stop` is the polite stop. ``KeyboardInterrupt`` stops every engine, on whatever node, before
    it is raised on. Raises `MachineError` for a worker that speaks another version.
    """
    watcher(Joined(len(nodes), str(placement), workers, room(placement, nodes)))
    slots = [_Slot(n, _actor(replace(settings, slot=n), placement)) for n in range(1, workers + 1)]
    driver = _Driver(slots, watcher, stop)
    try:
        driver.run()
    finally:
        driver.end_all()
    return [slot.end or STOPPED for slot in slots]


def _actor(settings: WorkerSettings, placement: Placement) -> Any:
    """An actor with one worker. Ray places it, and places it anew when its node is gone."""
    import ray

    options = {
        **placement.options(),
        "max_restarts": -1,
        "max_concurrency": 4,
        "scheduling_strategy": "SPREAD",
    }
    return ray.remote(RayWorker).options(**options).remote(settings.to_json())


@dataclass(slots=True)
class _Slot:
    """One worker and where it is. `life` is what tells one placing from the next."""

    number: int
    actor: Any
    life: str = ""
    host: str = ""
    seen: int = 0
    asked: Any = None
    ask_at: float = 0.0
    away_since: float | None = None
    moves: int = 0
    crashes: int = 0
    told: tuple[str, bool] | None = None
    end: WorkerEnd | None = None


@dataclass(slots=True)
class _Driver:
    """Asks every worker for news until all have ended."""

    slots: list[_Slot]
    watcher: Watcher
    stop: threading.Event
    _now: bool = field(default=False)

    def run(self) -> None:
        """Go on until every worker has ended."""
        while self._running():
            self._round()

    def end_all(self) -> None:
        """Stop what still runs: politely to its engines, and then for good."""
        self._now = True
        deadline = time.monotonic() + LAST_S
        while self._running() and time.monotonic() < deadline:
            self._round()
        for slot in self._running():
            self._finish(slot, _lost("it did not stop in time"))

    def _running(self) -> list[_Slot]:
        return [slot for slot in self.slots if slot.end is None]

    def _round(self) -> None:
        """Ask, wait for an answer, take it, and pass on that the run is to stop."""
        import ray

        if self.stop.is_set() or self._now:
            self._pass_stop_on()
        for slot in self._running():
            if slot.asked is None and time.monotonic() >= slot.ask_at:
                slot.asked = slot.actor.news.remote(slot.life, slot.seen)
        asked = {slot.asked: slot for slot in self._running() if slot.asked is not None}
        if not asked:
            time.sleep(POLL_S / 5)
            return
        ready, _ = ray.wait(list(asked), num_returns=1, timeout=POLL_S)
        for answer in ready:
            asked[answer].asked = None
            self._take(asked[answer], answer)

    def _take(self, slot: _Slot, answer: Any) -> None:
        import ray
        from ray.exceptions import RayActorError

        try:
            news = ray.get(answer)
        except RayActorError as error:
            self._gone(slot, error)
            return
        slot.away_since = None
        if news["life"] != slot.life:
            slot.life, slot.seen, slot.host = news["life"], 0, ""
        slot.seen += len(news["rows"])
        for row in news["rows"]:
            self._hear(slot, row)

    def _hear(self, slot: _Slot, row: dict[str, Any]) -> None:
        if HOST in row:
            slot.host = str(row[HOST])
            self.watcher(Placed(slot.number, slot.host, again=slot.moves > 0))
        elif ENDED in row and row[ENDED].get("lost"):
            self._crashed(slot)
        elif ENDED in row:
            self._finish(slot, _end(row[ENDED]))
        elif EVENT in row:
            self.watcher(Told(slot.number, slot.host, from_wire(row)))

    def _crashed(self, slot: _Slot) -> None:
        """The worker's process is gone without a word: on another node it may fare better."""
        slot.crashes += 1
        if slot.crashes > MOST_CRASHES or self.stop.is_set() or self._now:
            self._finish(slot, _lost(f"its process crashed ({slot.crashes} times)"))
            return
        import ray

        ray.kill(slot.actor, no_restart=False)
        self._away(slot, "its process crashed")

    def _gone(self, slot: _Slot, error: RayActorError) -> None:
        """The actor did not answer: it moves, or it is dead for good."""
        from ray.exceptions import ActorDiedError

        if error.actor_init_failed:
            self._finish(slot, _not_started(error))
            return
        now = time.monotonic()
        if slot.away_since is None:
            self._away(slot, "its node is gone")
        elif isinstance(error, ActorDiedError) and now - slot.away_since > DEAD_S:
            self._finish(slot, _lost("Ray gave it up"))
        slot.ask_at = now + AGAIN_S

    def _away(self, slot: _Slot, reason: str) -> None:
        slot.away_since = time.monotonic()
        slot.moves += 1
        if slot.moves > MOST_MOVES:
            self._finish(slot, _lost(f"it was placed anew {MOST_MOVES} times"))
        else:
            self.watcher(Away(slot.number, slot.host, reason))

    def _pass_stop_on(self) -> None:
        """Tell each worker once, and again where it was placed anew since."""
        for slot in self._running():
            told = (slot.life, self._now)
            if slot.told == told:
                continue
            slot.told = told
            if not slot.life or slot.away_since is not None:
                # It has no trial: one that had lost its node lost the trial with it.
                self._finish(slot, STOPPED)
            else:
                slot.actor.stop.remote(self._now)

    def _finish(self, slot: _Slot, end: WorkerEnd) -> None:
        """Note how it ended, and give its resources back."""
        import ray
        from ray.exceptions import RayError

        slot.end = end
        with suppress(RayError):
            ray.kill(slot.actor)
        self.watcher(Ended(slot.number, slot.host, end))


def _end(row: dict[str, Any]) -> WorkerEnd:
    return WorkerEnd(
        int(row.get("exit_code", ExitCode.MACHINE)),
        str(row.get("error") or ""),
        str(row.get("hint") or ""),
        row.get("summary"),
    )


def _lost(reason: str) -> WorkerEnd:
    return WorkerEnd(
        int(ExitCode.MACHINE),
        f"a worker is lost: {reason}",
        "see its node's log: worker-*.err in the logs of Ray's session folder",
    )


def _not_started(error: RayActorError) -> WorkerEnd:
    """What went wrong in making the actor, most often that autotune is not there to make it."""
    last = [line for line in str(error).splitlines() if line.strip()][-1:]
    return WorkerEnd(
        int(ExitCode.MACHINE),
        f"a worker cannot be started on its node: {' '.join(last).strip()[:200]}",
        "install the same autotune for the Python that runs Ray on every node",
    )
