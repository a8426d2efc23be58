"""The table of serving paths in print, and its progress."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from autotune.paths.events import PathEnded, PathStarted, PathTurn, TableOpened
from autotune.paths.table import DepthRow, PathRow, Table
from autotune.records import TurnRecord
from autotune.report.paths import note_lines, print_table, to_csv
from autotune.report.paths_progress import PathsDisplay
from autotune.scoring.warmth import KindScore

COLD = KindScore("cold", 2, 9.0, 9.5, 20.0)


def depth(bucket: str, turns: int, cached: float | None = 0.9) -> DepthRow:
    return DepthRow(
        bucket=bucket,
        turns=turns,
        depth_p50_tokens=35_000.0,
        ttft_p50_s=1.25,
        ttft_p95_s=9.0,
        decode_p50_tps=45.6,
        cached_share=cached,
        directional=turns < 5,
        total_wait_s=50.0,
        kinds=() if cached is None else (COLD, KindScore("warm", turns - 2, 1.0, 1.5, 30.0)),
    )


def row(path: str, *buckets: DepthRow, **fields: Any) -> PathRow:
    usual: dict[str, Any] = {
        "kind": "launched",
        "serves": "llama-server",
        "version": "b1",
        "model": "m.gguf",
        "api": "openai",
        "providers": (),
        "sessions": 2,
        "planned": 12,
        "answered": 12,
        "failed": 0,
        "marked": 0,
        "deepest": buckets[-1] if buckets else None,
        "cost_usd": None,
        "fixed_length": True,
        "hosted": False,
        "first_failure": None,
    }
    return PathRow(path=path, buckets=tuple(buckets), **{**usual, **fields})


TABLE = Table(
    folder="studies/paths/x",
    workload="captures",
    history="recorded",
    sessions=2,
    turns=12,
    redacted=False,
    rows=(
        row("tuned", depth("0-10k", 8), depth("30-60k", 4), kinds=(COLD,)),
        row(
            "far",
            depth("0-10k", 8, None),
            kind="attached",
            serves="openrouter",
            providers=("Alpha", "Beta"),
            answered=9,
            failed=3,
            marked=1,
            cost_usd=0.5,
            fixed_length=False,
            hosted=True,
            first_failure="session a turn 2: HTTP 500: no",
        ),
        row("silent", answered=0, failed=12),
    ),
)


def printed(table: Table, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_table(table, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_row_a_path_and_its_depths_below() -> None:
    text = printed(TABLE)
    assert "captures: 2 sessions, 12 turns, recorded history" in text
    tuned = next(line.split() for line in text.splitlines() if line.startswith("tuned"))
    assert tuned == [
        *("tuned", "llama-server", "30-60k", "35000"),
        *("1.25", "9.00", "50s", "45.6", "90%", "4*"),
    ]
    shallow = [line.split() for line in text.splitlines() if line.startswith("0-10k")]
    assert [cells[-2:] for cells in shallow] == [["2/0/6", "8"], ["–", "8"]]
    cold = next(line.split() for line in text.splitlines() if line.startswith("cold "))
    assert cold == ["cold", "tuned", "2", "9.00", "9.50", "20s"]
    silent = next(line.split() for line in text.splitlines() if line.startswith("silent"))
    assert silent[-1] == "0"


def test_notes_say_what_a_reader_must_know() -> None:
    lines = list(note_lines(TABLE))
    assert "medians (p50)" in lines[0]
    assert "* fewer than 5 turns: directional" in lines
    assert "far: 9 of 12 turns answered; first: session a turn 2: HTTP 500: no" in lines
    assert "far: does not report cached tokens" in lines
    assert "far: served by Alpha, Beta" in lines
    assert "far: cost $0.50" in lines
    assert any("cannot be pinned" in line for line in lines)
    assert any("network and the queue" in line for line in lines)
    assert not any(line.startswith("tuned") for line in lines)


def test_csv_has_a_line_for_each_depth_and_absent_is_empty() -> None:
    head, *lines = to_csv(TABLE).splitlines()
    assert head.startswith("path,serves,version,model,api,sessions,depth,turns,directional")
    assert len(lines) == 3
    assert head.endswith(
        ",total_wait_s,cold_turns,cold_ttft_p50_s,partial_turns,"
        "partial_ttft_p50_s,warm_turns,warm_ttft_p50_s,unknown_turns,unknown_ttft_p50_s"
    )
    assert lines[1].endswith(",4,true,35000.0,1.25,9.0,45.6,0.9,50.0,2,9.0,0,,2,1.0,0,")
    assert lines[2].endswith("45.6,,50.0,0,,0,,0,,0,")


RECORD = TurnRecord(
    arm="p",
    block=0,
    order=0,
    session_id="s",
    turn=1,
    started_at="",
    asked_output_tokens=4,
    depth_tokens=900,
    ttft_s=0.5,
)


@pytest.mark.parametrize("kind", ["plain", "none", "rich"])
def test_progress(kind: str) -> None:
    console = Console(file=io.StringIO(), width=200)
    with PathsDisplay(kind, console) as display:
        display(TableOpened("studies/paths/x", 2, 3, 1, ("padded",)))
        display(PathStarted("p", "llamacpp", 3, 1, ("careful",), "about $1.00"))
        display(PathTurn("p", RECORD, 0.25))
        failed = TurnRecord.from_json({**RECORD.to_json(), "failure": "hang", "detail": "quiet"})
        display(PathTurn("p", failed, None))
        display(PathEnded("p", whole=False, reason="asked to stop"))
        display.stopping()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    if kind == "none":
        assert text == ""
        return
    assert "2 sessions, 3 turns for 1 path" in text
    assert "p: llamacpp, 3 turns, 1 of them measured before" in text
    assert "note: careful" in text
    assert "session s turn 1: quiet" in text
    assert "p: asked to stop" in text
    if kind == "plain":
        assert "2 of 3: 900 tokens deep, TTFT 0.500 s, $0.25 so far" in text
