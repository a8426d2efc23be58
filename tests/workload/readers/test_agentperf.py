from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, Session
from autotune.workload.readers.agentperf import AgentPerfReader, manifest_traces
from autotune.workload.writer import write_capture

SMALL = Path(__file__).parents[1] / "fixtures" / "agentperf-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(AgentPerfReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def changed(folder: Path, change: Any) -> Path:
    rows = [json.loads(line) for line in SMALL.read_text().splitlines()]
    change(rows)
    path = folder / "trace.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_turns_are_in_order_with_the_idle_time_that_the_row_before_tells() -> None:
    (session,), damage = read(SMALL)
    assert damage == ()
    assert (session.session_id, len(session.turns)) == ("task", 3)
    assert [turn.recorded.prompt_tokens for turn in session.turns] == [1000, 1200, 1400]
    assert [turn.delay_ms for turn in session.turns] == [None, 100.0, 200.0]
    assert [turn.output_tokens for turn in session.turns] == [20, 21, 22]
    assert [turn.recorded.completion_tokens for turn in session.turns] == [21, 22, 23]
    assert [turn.recorded.latency_ms for turn in session.turns] == [500.0] * 3
    assert {turn.timestamp_ms for turn in session.turns} == {None}


def test_a_countdown_at_the_end_of_every_prompt_is_no_edit() -> None:
    (session,), _ = read(SMALL)
    assert [turn.keep for turn in session.turns] == [0, 2, 4]
    assert {turn.boundary for turn in session.turns} == {None}
    assert session.turns[0].response == session.turns[1].messages[2]


def test_a_lost_row_is_a_gap_without_an_idle_time(tmp_path: Path) -> None:
    (session,), damage = read(changed(tmp_path, lambda rows: rows.pop(0)))
    assert [turn.delay_ms for turn in session.turns] == [None, None]
    assert [(d.kind, d.detail) for d in damage] == [("missing-turn", "turn 1 expected, 2 found")]


def test_the_same_row_twice_and_a_row_without_an_id(tmp_path: Path) -> None:
    def spoil(rows: list[dict[str, Any]]) -> None:
        rows.append(rows[0])
        rows.append({**rows[0], "conversation_id": None})

    (session,), damage = read(changed(tmp_path, spoil))
    assert len(session.turns) == 3
    assert [(d.kind, d.first_line) for d in damage] == [
        ("turn-out-of-order", 4),
        ("wrong-schema", 5),
    ]


def test_a_trace_that_the_manifest_lists_and_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "a.jsonl").write_bytes(SMALL.read_bytes())
    tasks = [{"trace": "traces/a.jsonl"}, {"trace": "traces/b.jsonl"}, {"trace": "../c"}, 5]
    manifest = {"mode": "single_user_agentic_replay", "version": 1, "tasks": tasks}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert manifest_traces(tmp_path) == ("traces/a.jsonl", "traces/b.jsonl")
    workload = load_workload(tmp_path)
    assert len(workload.sessions) == 1
    assert [(d.kind, d.detail) for d in workload.damage] == [("missing-file", "traces/b.jsonl")]


def test_another_manifest_lists_no_traces(tmp_path: Path) -> None:
    assert manifest_traces(tmp_path) == ()
    for text in ("[1]", "{", '{"mode": "other", "tasks": [{"trace": "a"}]}'):
        (tmp_path / "manifest.json").write_text(text)
        assert manifest_traces(tmp_path) == ()


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    workload = load_workload(SMALL)
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
