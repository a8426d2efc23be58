from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from autotune.recording.events import (
    Listening,
    Notice,
    NotRecorded,
    Stopped,
    Stopping,
    Totals,
    TurnWritten,
)
from autotune.report.recording import (
    RecordingJson,
    RecordingLines,
    choose_recording_display,
    status_line,
    summary_lines,
)

LISTENING = Listening("http://127.0.0.1:8901", "http://127.0.0.1:8080", "captures")
TURN = TurnWritten("s", 0, "s.jsonl", "openai-chat", "m", 9, None, 3, 120.0, 900.0, None, None)
STOPPED = Stopped("captures", 3, 2, 1, {"refused": 1}, 43210, 420.0)


def console(*, terminal: bool, width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    kind = "xterm" if terminal else "dumb"
    env = {"TERM": kind, "COLUMNS": str(width)}
    return Console(file=stream, force_terminal=terminal, width=width, _environ=env), stream


def test_piped_it_says_what_must_be_known_and_no_more() -> None:
    made, stream = console(terminal=False)
    show = RecordingLines(made, Totals(requests=3))
    for event in (LISTENING, None, TURN, None, Notice("no longer recording"), STOPPED):
        show(event)
    for _ in range(3):
        show(NotRecorded("refused", "HTTP 401"))
    show(Stopping(0))
    show(Stopping(2))
    lines = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue()
    assert lines[0] == "recording http://127.0.0.1:8080 into captures"
    assert "OPENAI_BASE_URL=http://127.0.0.1:8901/v1" in lines[1]
    assert lines[2].endswith("ANTHROPIC_BASE_URL=http://127.0.0.1:8901")
    assert lines[4:] == [
        "no longer recording",
        "not recorded (refused): HTTP 401",
        "stopping; 2 requests under way (Ctrl-C again cuts them)",
    ]


def test_on_a_terminal_a_line_lives_below() -> None:
    made, stream = console(terminal=True, width=40)
    totals = Totals()
    show = RecordingLines(made, totals)
    show(None)
    before = stream.getvalue()
    show(None)
    assert stream.getvalue() == before  # nothing new, nothing written
    totals.requests, totals.sessions, totals.under_way = 12, 2, 1
    totals.deepest_tokens, totals.ttfts_ms = 43210, [300.0, 500.0]
    show(TURN)
    last = stream.getvalue().rpartition("\x1b[2K")[2]
    assert last == status_line(totals)[:39]
    show(Notice("look"))
    assert "\x1b[2Klook\n12 requests" in stream.getvalue()
    show(STOPPED)
    assert stream.getvalue().endswith("\x1b[2K")


def test_the_counts_on_one_line() -> None:
    assert status_line(Totals()) == "0 requests · 0 sessions"
    totals = Totals(12, 1, 11, 2, 43210, [300.0, 500.0, 400.0], {"refused": 1, "disk": 2})
    assert status_line(totals) == (
        "12 requests · 2 sessions · deepest 43,210 tokens · TTFT p50 0.400 s · 1 under way"
        " · 3 not recorded"
    )


@pytest.mark.parametrize(
    ("ttfts_ms", "median"), [([], None), ([5.0], 5.0), ([4.0, 1.0], 2.5), ([9.0, 1.0, 2.0], 2.0)]
)
def test_the_running_median(ttfts_ms: list[float], median: float | None) -> None:
    assert Totals(ttfts_ms=ttfts_ms).ttft_p50_ms == median


def test_the_summary() -> None:
    assert summary_lines(STOPPED) == [
        "2 turns in 1 session in captures, deepest 43,210 tokens, TTFT p50 0.420 s",
        "passed on and not recorded: refused x 1",
    ]
    nothing = Stopped("captures", 0, 0, 0, {}, None, None)
    assert summary_lines(nothing) == ["0 turns in 0 sessions in captures"]


def test_events_as_json_lines() -> None:
    stream = io.StringIO()
    show = choose_recording_display(Console(file=io.StringIO()), Totals(), stream)
    for event in (LISTENING, None, TURN):
        show(event)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["schema_version"], first["event"]) == ("event/1", "listening")
    assert second["event"] == "turn_written"
    assert (second["prompt_tokens"], second["cached_tokens"]) == (9, None)


class _GoneError(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_went_away_ends_the_display_only() -> None:
    gone = _GoneError()
    for show in (RecordingJson(gone), RecordingLines(Console(file=gone), Totals())):
        show(LISTENING)
        show(LISTENING)
