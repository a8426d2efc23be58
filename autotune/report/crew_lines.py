"""Progress of the workers of one host in one place: lines that begin with the worker, or JSON."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO
from typing import TYPE_CHECKING, Self, TextIO

from autotune.report.json_lines import SCHEMA_VERSION, event_object
from autotune.report.plain import PlainDisplay
from autotune.report.shown import JsonLines, Shown, Silence, is_live, write_at_once
from autotune.report.state import Clock
from autotune.team.crew import Ended, JobEnd, Progress, Started, Told

if TYPE_CHECKING:
    from rich.console import Console

CrewDisplay = Shown[Progress]
"""Shows what a crew does, while it is open."""

STOPPING = "stopping after the trials under way; press Ctrl-C again to stop at once"
STOPPING_NOW = "stopping the engines"


class CrewLines:
    """Lines on `stream`, each with its worker in front. Never raises when the reader is gone."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock = stream, clock
        self._workers: dict[str, tuple[StringIO, PlainDisplay]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        """Writes what there is to say."""
        said = self._told(progress) if isinstance(progress, Told) else [sentence(progress)]
        with suppress(BrokenPipeError):
            self._stream.write("".join(f"{progress.job}: {line}\n" for line in said))
            self._stream.flush()

    def stopping(self, at_once: bool = False) -> None:
        """One line."""
        write_at_once(self._stream, STOPPING_NOW if at_once else STOPPING)

    def _told(self, told: Told) -> list[str]:
        if told.job not in self._workers:
            buffer = StringIO()
            self._workers[told.job] = buffer, PlainDisplay(buffer, self._clock)
        buffer, display = self._workers[told.job]
        display(told.event)
        lines = buffer.getvalue().splitlines()
        buffer.seek(0)
        buffer.truncate()
        return lines


def choose_crew_display(
    kind: str, err: Console, json_to: TextIO | None, clock: Clock
) -> CrewDisplay:
    """As `autotune.report.display.choose_display`, of several workers."""
    if json_to is not None:
        return JsonLines(json_to, progress_object)
    if kind == "none":
        return Silence()
    if not is_live(kind, err):
        return CrewLines(err.file, clock)  # type: ignore[arg-type]
    from autotune.report.crew_live import CrewLive

    return CrewLive(err, clock)


def sentence(progress: Started | Ended) -> str:
    """One line on what became of a worker."""
    if isinstance(progress, Started):
        return f"started on {progress.seat.label}{_processors(progress)}"
    return ended_words(progress.end)


def _processors(started: Started) -> str:
    processors = started.seat.share.processors
    return "" if processors is None else f", on processors {ranges(processors)}"


def ranges(numbers: frozenset[int]) -> str:
    """``0-3,8-11``, as ``taskset -c`` takes it."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)


def ended_words(end: JobEnd) -> str:
    """How a job ended."""
    if end.failed:
        return f"failed: {end.error}" + (f" ({end.hint})" if end.hint else "")
    if not end.begun:
        return "not begun"
    return "done" if end.result is not None else "stopped"


def progress_object(progress: Progress) -> dict[str, object]:
    """One line of JSON: an event of a worker's search has its own form, with the worker added."""
    seat = progress.seat
    known = {"worker": progress.job, "gpu": None if seat is None else seat.gpu}
    match progress:
        case Told():
            return {**event_object(progress.event), **known}
        case Started():
            processors = progress.seat.share.processors
            share = {
                "processors": None if processors is None else sorted(processors),
                "memory_bytes": progress.seat.share.memory_bytes,
            }
            return {
                "schema_version": SCHEMA_VERSION, "event": "worker_started", **known, **share
            }  # fmt: skip
        case Ended():
            end = progress.end
            fields = {
                "exit_code": end.exit_code,
                "begun": end.begun,
                "error": end.error or None,
                "hint": end.hint or None,
            }
            return {"schema_version": SCHEMA_VERSION, "event": "worker_ended", **known, **fields}
