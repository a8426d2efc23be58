"""kv-cache-tester documents: clocks, sub-agents, the system message, a rewritten prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Session
from autotune.workload.readers.weka import WekaReader
from autotune.workload.writer import write_capture

READER = WekaReader()


def read(path: Path) -> tuple[list[Session], DamageLedger]:
    ledger = DamageLedger()
    return list(READER.read(CaptureFile(path, path.name), ledger)), ledger


def document(*requests: Any, **more: Any) -> dict[str, Any]:
    return {"block_size": 64, "hash_id_scope": "local", "requests": list(requests), **more}


@pytest.fixture
def sessions(fixtures: Path) -> list[Session]:
    found, ledger = read(fixtures / "weka-small.json")
    assert ledger.entries() == ()
    return found


def test_a_sub_agent_is_a_session_on_the_clock_of_its_parent(sessions: list[Session]) -> None:
    main, sub = sessions
    assert (main.session_id, main.parent) == ("trace_small", None)
    assert (sub.session_id, sub.parent) == ("trace_small:agent_001", "trace_small")
    assert [turn.timestamp_ms for turn in main.turns] == [0.0, 4000.0, 9000.0, 20000.0]
    assert [turn.timestamp_ms for turn in sub.turns] == [6000.0, 8000.0]
    assert sub.turns[0].boundary is Boundary.SUBAGENT


def test_times_are_kept(sessions: list[Session]) -> None:
    turns = sessions[0].turns
    assert [turn.recorded.latency_ms for turn in turns] == [2500.0, 3000.0, None, 2000.0]
    assert [turn.recorded.ttft_ms for turn in turns] == [None, 750.0, None, None]
    assert [turn.delay_ms for turn in turns] == [None, 1500.0, 2000.0, None]
    assert [turn.recorded.prompt_tokens for turn in turns] == [300, 420, 500, 330]
    assert {turn.recorded.model for turn in turns} == {"model-a"}


def test_tools_and_system_prompt_are_the_system_message(sessions: list[Session]) -> None:
    words = [len(session.turns[0].messages[0]["content"].split()) for session in sessions]
    assert words == [150 + 50 - 5, 100 + 20 - 5]


def test_a_prompt_that_was_rewritten_breaks_at_its_block(sessions: list[Session]) -> None:
    main = sessions[0]
    assert [turn.boundary for turn in main.turns] == [None, None, None, Boundary.EDIT]
    before, after = main.turns[2], main.turns[3]
    assert after.keep == 1
    old, new = before.messages[1]["content"].split(), after.messages[1]["content"].split()
    in_common = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
    assert in_common == 4 * 64 - 200 - 3  # from the header of the user's message to the block


def test_without_sizes_the_prompts_in_common_tell(tmp_path: Path) -> None:
    requests = [
        {"t": 0, "in": 200, "out": 5, "hash_ids": [1, 2, 3]},
        {"t": 1, "in": 260, "out": 5, "hash_ids": [1, 2, 4, 5]},
    ]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document(*requests)))
    (session,), _ = read(path)
    assert len(session.turns[0].messages[0]["content"].split()) == 128 - 5
    assert session.session_id.startswith("sha256:")


def test_damaged_requests_are_counted(tmp_path: Path) -> None:
    requests = [
        7,
        {"t": 0, "in": "x", "out": 5, "hash_ids": [1]},
        {"t": 0, "in": 100, "out": 5, "hash_ids": "one"},
        {"t": 0, "in": 100, "out": 5, "hash_ids": [1, 2, 3]},
        {"type": "subagent", "requests": {}},
        {"type": "subagent", "t": "x", "requests": [{"in": 90, "hash_ids": [8]}]},
        {"t": "x", "in": 100, "out": True, "hash_ids": [1], "api_time": -1, "model": 3},
    ]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document(*requests, id=5, block_size="64", tool_tokens=[])))
    sessions, ledger = read(path)
    (damage,) = ledger.entries()
    assert (damage.kind, damage.count) == ("wrong-schema", 4)
    assert damage.detail == "request 1: no object"
    assert [len(session.turns) for session in sessions] == [1, 1]
    turn = sessions[0].turns[0]
    assert (turn.timestamp_ms, turn.output_tokens, turn.recorded.model) == (None, None, None)


def test_agents_inside_agents_and_very_deep_ones(tmp_path: Path) -> None:
    inner: dict[str, Any] = {"t": 1.0, "in": 90, "out": 2, "hash_ids": [3]}
    for _ in range(150):
        inner = {"type": "subagent", "t": 1.0, "requests": [inner]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document(inner, id="deep")))
    (session,), _ = read(path)
    assert session.turns[0].timestamp_ms == 151_000.0


def test_claims_by_shape() -> None:
    assert READER.claims_document(document())
    assert not READER.claims_document({"block_size": 64, "requests": []})
    assert not READER.claims_document(document() | {"requests": {}})
    assert not READER.claims_document([document()])


def test_the_way_through_capture_1(fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / "weka-small.json")
    assert workload.formats == ("weka",)
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    back = load_workload(tmp_path / "out.jsonl")
    assert back.sessions == workload.sessions
