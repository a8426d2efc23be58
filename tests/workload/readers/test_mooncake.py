"""Mooncake rows: sessions out of a trace that names none, and text with the same prefixes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, PromptFidelity, Session
from autotune.workload.readers.mooncake import MooncakeReader
from autotune.workload.writer import write_capture

READER = MooncakeReader()


def read(path: Path) -> tuple[list[Session], DamageLedger]:
    ledger = DamageLedger()
    return list(READER.read(CaptureFile(path, path.name), ledger)), ledger


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(tokens: int, *ids: Any, **more: Any) -> dict[str, Any]:
    return {"input_length": tokens, "output_length": 9, "hash_ids": list(ids), **more}


@pytest.fixture
def sessions(fixtures: Path) -> list[Session]:
    found, ledger = read(fixtures / "mooncake-small.jsonl")
    assert ledger.entries() == ()
    return found


def test_a_row_with_all_blocks_of_an_earlier_one_is_its_next_turn(sessions: list[Session]) -> None:
    lines = [[turn.origin["line"] for turn in session.turns] for session in sessions]
    assert lines == [[1, 3], [2, 6], [4], [5], [7]]
    name = sessions[0].session_id.removesuffix("-1")
    assert [s.session_id for s in sessions] == [f"{name}-{n}" for n in (1, 2, 4, 5, 7)]


def test_the_second_row_to_go_on_from_one_is_a_fork(sessions: list[Session]) -> None:
    boundaries = [session.turns[0].boundary for session in sessions]
    assert boundaries == [None, None, Boundary.FORK, None, None]
    first, fork = sessions[0].turns[0], sessions[2].turns[0]
    assert fork.messages[: len(first.messages)] == first.messages


def test_what_is_recorded(sessions: list[Session]) -> None:
    turns = sessions[0].turns
    assert [turn.recorded.prompt_tokens for turn in turns] == [1300, 1620]
    assert [turn.output_tokens for turn in turns] == [100, 40]
    assert [turn.timestamp_ms for turn in turns] == [0.0, 27000.0]
    assert {turn.delay_ms for turn in turns} == {None}
    assert {turn.fidelity.prompt for turn in turns} == {PromptFidelity.SYNTHETIC}
    assert {turn.fidelity.missing for turn in turns} == {("text",)}


def test_the_block_common_to_all_prompts_is_the_system_message(sessions: list[Session]) -> None:
    systems = {session.turns[0].messages[0]["content"] for session in sessions}
    (system,) = systems
    assert len(system.split()) == 512 - 5
    assert sessions[0].turns[0].messages[0]["role"] == "system"


def test_replies_stand_where_they_were(sessions: list[Session]) -> None:
    first, second = sessions[0].turns
    assert second.keep == 2
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert second.messages[1] is first.messages[1]
    assert len(second.messages[2]["content"].split()) == first.output_tokens


def test_the_same_partial_block_is_the_same_prompt(sessions: list[Session]) -> None:
    assert sessions[3].turns[0].messages == sessions[4].turns[0].messages


def test_claims_by_keys_and_never_rows_with_text() -> None:
    assert READER.claims({"input_length": 1, "hash_ids": [1]})
    assert not READER.claims({"input_length": 1, "output_length": 1})
    for other in ("messages", "text_input", "payload", "chat_id"):
        assert not READER.claims({"input_length": 1, "hash_ids": [1], other: None})


def test_sessions_that_are_named_and_tell_whole_prompts(tmp_path: Path) -> None:
    rows = [
        row(600, 1, 2, session_id="a"),
        row(600, 1, 3, session_id="b"),
        row(1500, 1, 5, 6, session_id="a", delay=250),
    ]
    sessions, _ = read(write(tmp_path / "x.jsonl", *rows))
    assert [(s.session_id, len(s.turns)) for s in sessions] == [("a", 2), ("b", 1)]
    last = sessions[0].turns[1]
    assert (last.recorded.prompt_tokens, last.delay_ms, last.keep) == (1500, 250.0, 2)


def test_sessions_that_tell_what_each_turn_adds(tmp_path: Path) -> None:
    rows = [
        row(600, 1, 2, session_id="a"),
        row(530, 3, 4, session_id="a", delay=40),
        row(100, 5, session_id="a"),
    ]
    (session,), _ = read(write(tmp_path / "x.jsonl", *rows))
    depths = [turn.recorded.prompt_tokens for turn in session.turns]
    assert depths == [600, 600 + 9 + 530, 600 + 9 + 530 + 9 + 100]
    assert [turn.keep for turn in session.turns] == [0, 2, 4]
    assert [turn.boundary for turn in session.turns] == [None, None, None]


def test_another_block_size_is_told_by_the_rows(tmp_path: Path) -> None:
    rows = [row(64 * n + 10, *range(n + 1), timestamp=n) for n in range(2, 6)]
    sessions, ledger = read(write(tmp_path / "x.jsonl", *rows))
    assert ledger.entries() == ()
    assert [len(session.turns) for session in sessions] == [4]


def test_damaged_rows_are_counted(tmp_path: Path) -> None:
    rows = [
        row(600, 1, 2),
        row(0, 1),
        row(10**9, 1),
        {"input_length": "many", "hash_ids": [1]},
        {"input_length": 600, "hash_ids": {"1": 2}},
        {"input_length": 600, "hash_ids": [1, None]},
        row(513, 1, 2, 3),
        row(1100, 1, 7, "seven", output_length=-3, timestamp="now"),
    ]
    sessions, ledger = read(write(tmp_path / "x.jsonl", *rows))
    (damage,) = ledger.entries()
    assert (damage.kind, damage.count, damage.first_line) == ("wrong-schema", 6, 2)
    assert [turn.origin["line"] for s in sessions for turn in s.turns] == [1, 8]
    odd = sessions[0].turns[1]
    assert (odd.output_tokens, odd.timestamp_ms) == (None, None)


def test_an_empty_trace_has_no_session(tmp_path: Path) -> None:
    assert read(write(tmp_path / "x.jsonl"))[0] == []


def test_the_head_of_a_trace_gives_the_same_text(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "mooncake-small.jsonl").read_text()
    (tmp_path / "x.jsonl").write_text("".join(text.splitlines(keepends=True)[:3]))
    head, whole = read(tmp_path / "x.jsonl")[0], read(fixtures / "mooncake-small.jsonl")[0]
    assert head[0].session_id == whole[0].session_id
    assert head[0].turns[1].messages[1:] == whole[0].turns[1].messages[1:]


def test_the_way_through_capture_1(fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / "mooncake-small.jsonl")
    assert workload.formats == ("mooncake",)
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    back = load_workload(tmp_path / "out.jsonl")
    assert back.sessions == workload.sessions
