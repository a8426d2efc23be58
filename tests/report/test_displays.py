"""The displays, on a recorded run: plain lines, JSON lines, the live terminal, nothing."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from typing import IO

import pytest
from rich.console import Console

from autotune.report.display import choose_display
from autotune.report.json_lines import JsonDisplay, event_object
from autotune.report.live import LiveDisplay
from autotune.report.plain import PlainDisplay
from autotune.report.shown import Silence
from autotune.search.events import (
    ConfirmBlock,
    ConfirmStarted,
    Event,
    Summary,
    TrialFinished,
)

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def still() -> float:
    """A clock that stands, so that the time left is what the events said."""
    return 100.0


def show(display: PlainDisplay | JsonDisplay | LiveDisplay, events: list[Event]) -> None:
    with display:
        for event in events:
            display(event)


def test_plain_lines_say_it_all(events: list[Event]) -> None:
    stream = io.StringIO()
    show(PlainDisplay(stream, still), events)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "study     tiny in studies/tiny",
        "engine    llama-server b11434",
        "model     tiny.gguf",
        "GPU       A Processor",
        "workload  6 sessions (2 held out), 48 turns, deepest 2400 tokens; scored at 0-10k",
        "search    18 parameters, 12 trials, within 10m 00s",
        "note      KV types are left alone",
        "trial #0 (1/12) started: the engine's defaults",
        "trial #0 (1/12): 1.55 s/turn, TTFT p50 0.900 s, decode p50 22.1 tok/s, best so far, "
        "took 31s, 8m 20s left",
        "trial #1 (2/12) started: batch: batch-size=512, flash-attn=on",
        "trial #1 (2/12): 1.25 s/turn, 1.24x the default, TTFT p50 0.700 s, "
        "p95 1.20 s, decode p50 30.1 tok/s, waited 1m 02s in all, cold/partial/warm 2/0/38, "
        "best so far, took 30s, 7m 40s left",
        "trial #2 (3/12) started: ctx-size=131072, kv-unified=off",
        "trial #2 (3/12): failed, out-of-memory: failed to allocate buffer of size 515, "
        "took 3s, 7m 30s left, 1 failure so far",
        "  log: studies/tiny-llama-server-cpu/logs/trial-0002-with-a-name-that-goes-on-and-on.log",
        "confirming default against trial-0001 on held-out sessions: 2 sessions, "
        "up to 3 blocks each",
        "confirm 1/6  default block 0: 1.50 s/turn",
        "confirm 2/6  trial-0001 block 0: failed, crash",
    ]


HEAT = [
    ConfirmStarted(("trial-0001", "trial-0004"), 2, True, 1),
    ConfirmBlock("trial-0001", 0, 1.25),
]


def test_the_heat_is_told_apart_from_the_confirmation(events: list[Event]) -> None:
    stream = io.StringIO()
    show(PlainDisplay(stream, still), [*events[:8], *HEAT, *events[8:]])
    lines = stream.getvalue().splitlines()
    assert lines[-5:-3] == [
        "heat on held-out sessions, once each: trial-0001, trial-0004; the fastest is confirmed",
        "heat 1/2  trial-0001 block 0: 1.25 s/turn",
    ]
    assert lines[-2].startswith("confirm 1/6  default block 0")


STOPPED = TrialFinished(
    number=3,
    changes={"threads": 1},
    turn_s=None,
    ttft_p50_s=None,
    decode_p50_tps=None,
    value=1.6,
    seconds=9.0,
    reason="stopped after 6 of 48 turns: about 1.28 times trial 1's time",
    stopped_early=True,
    best_number=1,
    best_value=1.25,
    trials_done=4,
)


def test_a_trial_that_was_stopped_early_says_so_and_is_no_failure(events: list[Event]) -> None:
    stream = io.StringIO()
    show(PlainDisplay(stream, still), [*events[:8], STOPPED])
    assert stream.getvalue().splitlines()[-1] == (
        "trial #3 (4/12): stopped after 6 of 48 turns: about 1.28 times trial 1's time, took 9s"
    )
    stream = io.StringIO()
    show(LiveDisplay(terminal(stream), still), [*events[:8], STOPPED])
    rows = [line.rstrip() for line in ESCAPES.sub("", stream.getvalue()).splitlines()]
    assert f"  3 stopped{' ' * 42}threads=1" in rows
    assert "     stopped after 6 of 48 turns: about 1.28 times trial 1's time" in rows


def test_json_lines_are_the_events(events: list[Event], summary: Summary) -> None:
    stream = io.StringIO()
    show(JsonDisplay(stream), [*events, summary])
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(found) == len(events) + 1
    assert {item["schema_version"] for item in found} == {"event/1"}
    assert found[7]["event"] == "trial_finished"
    assert (found[7]["turn_s"], found[7]["failure"]) == (None, "out-of-memory")
    assert found[-1]["event"] == "summary"
    assert found[-1]["buckets"][1]["cached_share_before"] is None
    assert event_object(events[2])["event"] == "turn_done"


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        raise BrokenPipeError


@pytest.mark.parametrize("kind", [JsonDisplay, lambda s: PlainDisplay(s, still)])
def test_a_reader_that_goes_away_does_not_end_the_run(kind: object, events: list[Event]) -> None:
    stream = Gone()
    show(kind(stream), events)  # type: ignore[operator]
    assert stream.writes >= 1


def terminal(stream: IO[str], width: int = 80) -> Console:
    return Console(file=stream, force_terminal=True, width=width, height=24, color_system=None)


def test_the_live_display_keeps_a_row_a_trial(events: list[Event], summary: Summary) -> None:
    stream = io.StringIO()
    show(LiveDisplay(terminal(stream), still), [*events, summary])
    text = ESCAPES.sub("", stream.getvalue()).replace("\r", "\n")
    rows = [line.rstrip() for line in text.splitlines()]
    assert "  #  s/turn  speed TTFT s p95 s   wait tok/s   c/p/w differs from the default" in rows
    assert "  0    1.55  1.00x  0.900     –      –  22.1       – the engine's defaults" in rows
    assert "  1    1.25  1.24x  0.700  1.20 1m 02s  30.1  2/0/38 batch-size=512," in rows
    assert f"  2  failed{' ' * 42}ctx-size=131072," in rows
    assert "     out-of-memory: failed to allocate buffer of size 515" in rows
    assert any(line.startswith("     log: studies/") and line.endswith(".log") for line in rows)
    assert "confirm 2/6  trial-0001 block 0: failed, crash" in rows
    assert max(len(line) for line in rows if "log: " not in line) <= 80


def test_the_live_line_says_where_it_is(events: list[Event]) -> None:
    stream = io.StringIO()
    console = terminal(stream, width=100)
    display = LiveDisplay(console, still)
    for event in [*events[:5]]:
        display(event)
    status = status_of(display, console)
    assert "trial #1 (2/12) · best #0 1.55 s/turn · 8m 20s left" in status
    assert "batch: batch-size=512, flash-attn=on" in status
    display.stopping()
    assert "stopping after this trial" in status_of(display, console)
    display.stopping(at_once=True)
    assert "stopping the engine" in status_of(display, console)
    for event in events[5:]:
        display(event)
    assert "confirming, block 3/6 · best #1 1.25 s/turn (1.24x)" in status_of(display, console)


def status_of(display: LiveDisplay, console: Console) -> str:
    with console.capture() as captured:
        console.print(display._status())
    return captured.get()


def test_the_live_line_never_wraps(events: list[Event]) -> None:
    console = terminal(io.StringIO(), width=40)
    display = LiveDisplay(console, still)
    for event in events[:7]:
        display(event)
    assert all(len(line) <= 40 for line in status_of(display, console).splitlines())
    assert len(status_of(display, console).splitlines()) == 2


def test_the_display_fits_its_stream() -> None:
    pipe, screen = Console(file=io.StringIO()), terminal(io.StringIO())
    assert isinstance(choose_display("auto", pipe), PlainDisplay)
    assert isinstance(choose_display("auto", screen), LiveDisplay)
    assert isinstance(choose_display("plain", screen), PlainDisplay)
    dumb = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert isinstance(choose_display("auto", dumb), PlainDisplay)
    assert isinstance(choose_display("none", screen), Silence)
    assert isinstance(choose_display("rich", pipe), LiveDisplay)
    assert isinstance(choose_display("auto", screen, json_to=io.StringIO()), JsonDisplay)


def test_silence(events: list[Event], capfd: pytest.CaptureFixture[str]) -> None:
    display = Silence()
    with display:
        for event in events:
            display(event)
        display.stopping()
    assert capfd.readouterr() == ("", "")


def test_stopping_is_safe_in_a_signal_handler() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream, os.fdopen(read_end) as reader:
        display = PlainDisplay(stream, still)
        before = signal.signal(signal.SIGUSR1, lambda *_: display.stopping())
        try:
            signal.raise_signal(signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert reader.readline().startswith("stopping after this trial")
