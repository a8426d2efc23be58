"""Progress as plain lines: for pipes, logs and terminals without escapes."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Self

from autotune.report import lines
from autotune.report.held import hold_finish, hold_start
from autotune.report.noise import anchor_line
from autotune.report.shown import write_at_once
from autotune.report.state import Clock, RunState
from autotune.report.text import duration, plural
from autotune.search.events import (
    AnchorMeasured,
    ConfirmBlock,
    ConfirmStarted,
    ContestPrepared,
    EngineChosen,
    Event,
    HoldFinished,
    HoldStarted,
    Notice,
    Prepared,
    TrialFinished,
    TrialStarted,
)


class PlainDisplay:
    """One line an event on `stream`; turns are not shown. Never raises when the reader is gone."""

    def __init__(self, stream: IO[str], clock: Clock) -> None:
        self._stream = stream
        self._state = RunState(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Writes what there is to say about `event`."""
        before = self._state.chosen
        self._state.apply(event)
        with suppress(BrokenPipeError):
            for line in self._lines(event, before):
                self._stream.write(line + "\n")
            self._stream.flush()

    def stopping(self, at_once: bool = False) -> None:
        """One line."""
        write_at_once(self._stream, lines.STOPPING_NOW if at_once else lines.STOPPING)

    def _lines(self, event: Event, before: EngineChosen | None) -> list[str]:
        match event:
            case Prepared() | ContestPrepared():
                return [f"{name:<9} {fact}" for name, fact in lines.header(event)]
            case EngineChosen():
                return lines.moves(before, event)
            case TrialStarted():
                label = self._trial(event.engine, event.number, self._state.trials_done + 1)
                return [f"{label} started: {lines.trying(self._state)}"]
            case TrialFinished():
                return self._finished(event)
            case ConfirmStarted():
                return [lines.confirm_start(event)]
            case ConfirmBlock():
                return [lines.confirm_block(event, self._state)]
            case AnchorMeasured():
                return [anchor_line(event)]
            case HoldStarted():
                return [hold_start(event)]
            case HoldFinished():
                return [hold_finish(event)]
            case Notice():
                return [event.text]
            case _:
                return []

    def _trial(self, engine: str | None, number: int, count: int) -> str:
        wanted = self._state.prepared.trials_wanted if self._state.prepared else None
        return lines.of_engine(engine, lines.trial_label(number, count, wanted))

    def _finished(self, event: TrialFinished) -> list[str]:
        left = self._state.seconds_left
        label = self._trial(event.engine, event.number, self._state.trials_done)
        parts = [
            f"{label}: {lines.figures(event, self._state)}",
            f"took {duration(event.seconds)}",
            f"{duration(left)} left" if left is not None else "",
            f"{plural(self._state.failed, 'failure')} so far" if event.failure else "",
        ]
        text = [", ".join(part for part in parts if part)]
        if event.failure is not None and event.log_path is not None:
            text.append(f"  log: {event.log_path}")
        return text
