"""What a recording shows while it runs: a line that lives, or JSON lines for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO, cast

from autotune.recording.events import (
    Event,
    Listener,
    Listening,
    Notice,
    NotRecorded,
    Stopped,
    Stopping,
    Totals,
)
from autotune.report.json_lines import event_object
from autotune.report.text import number, plural

if TYPE_CHECKING:
    from rich.console import Console

_CLEAR_LINE = "\r\x1b[2K"


class RecordingLines:
    """What a person must know, on stderr; on a terminal a line of counts below it.

    A terminal that goes away ends the display, not the recording.
    """

    def __init__(self, console: Console, totals: Totals) -> None:
        self._console = console
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._totals = totals
        self._shown = ""
        self._told: set[str] = set()
        self._stream: TextIO | None = console.file  # type: ignore[assignment]  # a text stream

    def __call__(self, event: Event | None) -> None:
        """Shows one event, or the counts as they are now."""
        lines = self._lasting(event)
        status = "" if isinstance(event, Stopped) else status_line(self._totals)
        if not self._live:
            self._write("".join(f"{line}\n" for line in lines))
            return
        status = status[: max(0, self._console.width - 1)]
        if lines or status != self._shown:
            above = "".join(f"{line}\n" for line in lines)
            self._write(_CLEAR_LINE + above + status)
            self._shown = status

    def _lasting(self, event: Event | None) -> list[str]:
        match event:
            case Listening():
                return listening_lines(event)
            case Notice():
                return [event.message]
            case NotRecorded() if event.kind not in self._told:
                self._told.add(event.kind)
                return [f"not recorded ({event.kind}): {event.reason}"]
            case Stopping() if event.under_way:
                return [
                    f"stopping; {plural(event.under_way, 'request')} under way"
                    " (Ctrl-C again cuts them)"
                ]
            case _:
                return []

    def _write(self, text: str) -> None:
        if self._stream is None or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


class RecordingJson:
    """One event a line on `stream`, flushed. A reader that went away ends the output only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def __call__(self, event: Event | None) -> None:
        """Writes one line."""
        if self._stream is None or event is None:
            return
        named = event_object(cast("Any", event))  # of whichever family of events
        try:
            self._stream.write(json.dumps(named, ensure_ascii=False) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


def choose_recording_display(err: Console, totals: Totals, json_to: TextIO | None) -> Listener:
    """JSON lines where they are asked for, else lines on the stderr console `err`."""
    return RecordingLines(err, totals) if json_to is None else RecordingJson(json_to)


def listening_lines(event: Listening) -> list[str]:
    """Where the proxy is, and how an agent is pointed at it."""
    return [
        f"recording {event.upstream} into {event.folder}",
        f"  OpenAI agents:    OPENAI_BASE_URL={event.url}/v1",
        f"  Anthropic agents: ANTHROPIC_BASE_URL={event.url}",
        "prompts are written down as they are, the agent's keys are not; Ctrl-C ends it",
    ]


def status_line(totals: Totals) -> str:
    """The counts so far, on one line."""
    lost = sum(totals.not_recorded.values())
    parts = [
        plural(totals.requests, "request"),
        plural(totals.sessions, "session"),
        _deepest(totals.deepest_tokens),
        _ttft(totals.ttft_p50_ms),
        f"{totals.under_way} under way" if totals.under_way else "",
        f"{lost} not recorded" if lost else "",
    ]
    return " · ".join(part for part in parts if part)


def summary_lines(stopped: Stopped) -> list[str]:
    """What was recorded, when it is over."""
    turns, sessions = plural(stopped.turns, "turn"), plural(stopped.sessions, "session")
    facts = [_deepest(stopped.deepest_tokens), _ttft(stopped.ttft_p50_ms)]
    rest = "".join(f", {fact}" for fact in facts if fact)
    lines = [f"{turns} in {sessions} in {stopped.folder}{rest}"]
    if stopped.not_recorded:
        kinds = ", ".join(f"{kind} x {count}" for kind, count in stopped.not_recorded.items())
        lines.append(f"passed on and not recorded: {kinds}")
    return lines


def _deepest(tokens: int | None) -> str:
    return "" if tokens is None else f"deepest {tokens:,} tokens"


def _ttft(ttft_ms: float | None) -> str:
    return "" if ttft_ms is None else f"TTFT p50 {number(ttft_ms / 1000)} s"
