"""Progress of a run on a cluster: plain lines that begin with the worker, or JSON lines."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO
from typing import Self, TextIO

from autotune.report.crew_lines import STOPPING, STOPPING_NOW
from autotune.report.json_lines import SCHEMA_VERSION, event_object
from autotune.report.plain import PlainDisplay
from autotune.report.shown import JsonLines, Shown, Silence, write_at_once
from autotune.report.state import Clock
from autotune.report.text import plural
from autotune.search.events import Prepared
from autotune.team.ray_progress import Away, Ended, Joined, Placed, Progress, Told, WorkerEnd

ClusterDisplay = Shown[Progress]
"""A watcher that is open while the run lasts."""


class ClusterLines:
    """What happens as lines on `stream`, each with its worker in front. Turns are not shown."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock = stream, clock
        self._workers: dict[int, tuple[_Prefixed, PlainDisplay]] = {}
        self._headed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        """Writes what there is to say; a reader that is gone is no error."""
        with suppress(BrokenPipeError):
            if isinstance(progress, Told):
                self._tell(progress)
            else:
                self._stream.write(sentence(progress) + "\n")
                self._stream.flush()

    def stopping(self, at_once: bool = False) -> None:
        """One line."""
        write_at_once(self._stream, STOPPING_NOW if at_once else STOPPING)

    def _tell(self, told: Told) -> None:
        if told.slot not in self._workers:
            prefixed = _Prefixed(self._stream, f"worker {told.slot}: ")
            self._workers[told.slot] = (prefixed, PlainDisplay(prefixed, self._clock))
        prefixed, display = self._workers[told.slot]
        # What is tuned is the same for all of them, and is said once.
        prefixed.muted = isinstance(told.event, Prepared) and self._headed
        self._headed = self._headed or isinstance(told.event, Prepared)
        display(told.event)


class _Prefixed(StringIO):
    """A text stream whose lines begin with who speaks. Gets whole lines."""

    def __init__(self, stream: TextIO, prefix: str) -> None:
        super().__init__()
        self._stream, self._prefix = stream, prefix
        self.muted = False

    def write(self, text: str) -> int:
        if not self.muted:
            self._stream.write("".join(f"{self._prefix}{x}\n" for x in text.splitlines()))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def choose_cluster_display(
    kind: str, stream: TextIO, json_to: TextIO | None, clock: Clock
) -> ClusterDisplay:
    """JSON lines where they are asked for; else lines, whatever `kind`, unless it is ``none``."""
    if json_to is not None:
        return JsonLines(json_to, progress_object)
    return Silence() if kind == "none" else ClusterLines(stream, clock)


def sentence(progress: Joined | Placed | Away | Ended) -> str:
    """One line on what became of the run or of a worker."""
    match progress:
        case Joined():
            return _joined(progress)
        case Placed():
            again = " again" if progress.again else ""
            return f"worker {progress.slot}: placed{again} on {progress.host}"
        case Away():
            where = f" ({progress.host})" if progress.host else ""
            return f"worker {progress.slot}: {progress.reason}{where}; it will be placed anew"
        case Ended():
            return f"worker {progress.slot}: {ended_words(progress.end)}"


def _joined(joined: Joined) -> str:
    text = (
        f"Ray: {plural(joined.hosts, 'node')}; {plural(joined.workers, 'worker')}, "
        f"each with {joined.placement}"
    )
    waiting = joined.workers - joined.room
    return text if waiting <= 0 else f"{text}; {waiting} of them wait until a node has room"


def ended_words(end: WorkerEnd) -> str:
    """How a worker ended."""
    if not end.failed:
        return "done" if end.summary is not None else "stopped"
    return f"failed, {end.error}" + (f" ({end.hint})" if end.hint else "")


def progress_object(progress: Progress) -> dict[str, object]:
    """One line of JSON: an event of a worker's search has its own form, with the worker added."""
    match progress:
        case Told():
            return {**event_object(progress.event), "worker": progress.slot, "host": progress.host}
        case Joined():
            fields: dict[str, object] = {
                "nodes": progress.hosts,
                "takes": progress.placement,
                "workers": progress.workers,
                "room": progress.room,
            }
            return {"schema_version": SCHEMA_VERSION, "event": "cluster_joined", **fields}
        case Placed():
            return _of_worker("worker_placed", progress, again=progress.again)
        case Away():
            return _of_worker("worker_away", progress, reason=progress.reason)
        case Ended():
            end = progress.end
            return _of_worker(
                "worker_ended",
                progress,
                exit_code=end.exit_code,
                error=end.error or None,
                hint=end.hint or None,
            )


def _of_worker(name: str, of: Placed | Away | Ended, **fields: object) -> dict[str, object]:
    known = {"worker": of.slot, "host": of.host}
    return {"schema_version": SCHEMA_VERSION, "event": name, **known, **fields}
