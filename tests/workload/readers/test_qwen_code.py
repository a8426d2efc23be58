"""Qwen Code recordings: branches, compressions, sub-agents, Gemini's shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.detect import detect
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, Session
from autotune.workload.readers.qwen_code import QwenCodeReader
from autotune.workload.writer import write_capture


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(QwenCodeReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


@pytest.fixture
def both(fixtures: Path) -> list[Session]:
    found, damage = read(fixtures / "qwen-small.jsonl")
    assert damage == ()
    return found


@pytest.fixture
def changed(fixtures: Path, tmp_path: Path) -> Callable[..., Any]:
    """``changed(change, name)``: what is read of the fixture once `change` edited its lines."""

    def make(change: Callable[[list[dict[str, Any]]], Any], name: str = "x.jsonl") -> Any:
        text = (fixtures / "qwen-small.jsonl").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        change(lines)
        path = tmp_path / name
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return read(path)

    return make


def said(session: Session, turn: int) -> list[Any]:
    return [message.get("content") for message in session.turns[turn].messages]


def test_requests_of_the_session(both: list[Session]) -> None:
    main = both[0]
    assert (main.session_id, main.parent) == ("qw-1", None)
    assert [len(turn.messages) for turn in main.turns] == [1, 3, 3, 3]
    assert [turn.keep for turn in main.turns] == [0, 1, 2, 0]
    edits = [None, None, Boundary.EDIT, Boundary.COMPACTION]
    assert [turn.boundary for turn in main.turns] == edits


def test_counts_and_times(both: list[Session]) -> None:
    turns = both[0].turns
    assert [t.recorded.prompt_tokens for t in turns] == [9000, 9100, 9080, 8900]
    assert [t.recorded.cached_tokens for t in turns] == [0, 9000, 8960, 0]
    assert [t.output_tokens for t in turns] == [50, 10, 6, 2]
    assert [t.recorded.latency_ms for t in turns] == [2000, 2000, 1000, 2000]
    assert [t.delay_ms for t in turns] == [None, 1000, 6000, 3000]


def test_messages_in_chat_shape(both: list[Session]) -> None:
    reply, answer = both[0].turns[1].messages[1:]
    assert reply["reasoning_content"] == "It never ends."
    assert reply["content"] == "Reading."
    assert reply["tool_calls"][0]["function"]["arguments"] == '{"path":"loop.py"}'
    assert answer == {"role": "tool", "tool_call_id": "f1", "content": "while True: pass"}


def test_a_rewind_leaves_its_branch_and_what_was_lost_on_it(both: list[Session]) -> None:
    main = both[0]
    assert said(main, 2) == ["Fix the loop.", "Reading.", "Never mind, list files."]
    assert main.turns[2].fidelity.missing == ("system", "tools")


def test_a_compression_is_the_whole_new_history(both: list[Session]) -> None:
    assert said(both[0], 3) == ["Summary: one file.", "Understood.", "Go on."]


def test_a_sub_agent_has_its_own_prompt_and_tools(both: list[Session]) -> None:
    agent = both[1]
    assert (agent.session_id, agent.parent) == ("qw-1/ag1", "qw-1")
    (turn,) = agent.turns
    assert turn.boundary is Boundary.SUBAGENT
    assert said(agent, 0) == ["You are a helper.", "Context.", "Count the files."]
    assert turn.tools[0]["function"]["parameters"] == {"type": "object"}
    assert turn.fidelity.missing == ()


def test_a_sub_agents_file_tells_whose_it_is_by_its_name(changed: Any) -> None:
    def only_agent(lines: list[dict[str, Any]]) -> None:
        lines[:] = [{k: v for k, v in line.items() if k != "agentId"} for line in lines[-3:]]

    ((session,), _) = changed(only_agent, "agent-ag1.jsonl")
    assert (session.session_id, session.parent) == ("qw-1/ag1", "qw-1")


def test_a_fork_repeats_its_parent_before_it_goes_on(changed: Any) -> None:
    def fork(lines: list[dict[str, Any]]) -> None:
        for line in lines[:5]:
            line["forkedFrom"] = {"sessionId": "qw-0", "messageUuid": line["uuid"]}

    (found, _) = changed(fork)
    assert found[0].parent == "qw-0"
    assert [turn.recorded.prompt_tokens for turn in found[0].turns] == [9080, 8900]


def test_counts_of_the_first_versions(changed: Any) -> None:
    def old(lines: list[dict[str, Any]]) -> None:
        lines[1]["usageMetadata"] = {"input": 9, "output": 2, "cached": 1, "thoughts": 3}

    (found, _) = changed(old)
    recorded = found[0].turns[0].recorded
    assert (recorded.prompt_tokens, recorded.completion_tokens) == (9, 5)


def test_a_record_whose_parent_is_lost_follows_the_one_before(changed: Any) -> None:
    (found, damage) = changed(lambda lines: lines.pop(3))
    assert [(d.kind, d.first_line) for d in damage] == [("missing-turn", 4)]
    assert said(found[0], 1) == ["Fix the loop.", "Reading."]


def test_records_of_nobody_are_damage(changed: Any) -> None:
    (found, damage) = changed(lambda lines: lines[2].pop("sessionId"))
    assert ("wrong-schema", 3) in [(d.kind, d.first_line) for d in damage]
    assert [t.recorded.prompt_tokens for t in found[0].turns] == [9000, 9100, 9080, 8900]


@pytest.mark.parametrize(
    ("change", "claimed"),
    [
        ({"message": {"role": "user", "parts": []}}, True),
        ({"systemPayload": None}, True),
        ({"message": {"role": "user", "content": []}}, False),
        ({"message": {"role": "user", "parts": []}, "type": ["user"]}, False),
    ],
)
def test_claims(change: dict[str, Any], claimed: bool) -> None:
    line = {"uuid": "a", "parentUuid": None, "sessionId": "s", "timestamp": "t", "type": "user"}
    assert QwenCodeReader().claims({**line, **change}) is claimed


def test_it_is_not_taken_for_claude_code(fixtures: Path) -> None:
    reader = detect(CaptureFile(fixtures / "qwen-small.jsonl", "x"))
    assert reader is not None
    assert reader.name == "qwen-code"


def test_the_way_through_capture_1(fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / "qwen-small.jsonl")
    write_capture(list(workload.sessions), tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
