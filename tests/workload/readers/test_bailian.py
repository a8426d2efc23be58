"""Bailian rows: conversations by parent, seconds, blocks of 16."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Session
from autotune.workload.readers.bailian import BailianReader
from autotune.workload.readers.mooncake import MooncakeReader
from autotune.workload.writer import write_capture

READER = BailianReader()


def read(path: Path) -> list[Session]:
    ledger = DamageLedger()
    found = list(READER.read(CaptureFile(path, path.name), ledger))
    assert ledger.entries() == ()
    return found


@pytest.fixture
def sessions(fixtures: Path) -> list[Session]:
    return read(fixtures / "bailian-small.jsonl")


def test_conversations_follow_their_parents(sessions: list[Session]) -> None:
    chats = [[turn.origin["chat_id"] for turn in session.turns] for session in sessions]
    assert chats == [[11, 13], [12], [14], [15]]
    boundaries = [session.turns[0].boundary for session in sessions]
    assert boundaries == [None, None, Boundary.FORK, Boundary.RESUME]
    assert sessions[0].session_id.endswith("-11")


def test_seconds_become_milliseconds(sessions: list[Session]) -> None:
    assert [turn.timestamp_ms for turn in sessions[0].turns] == [500.0, 31000.0]


def test_the_next_turn_has_the_prompt_and_the_reply(sessions: list[Session]) -> None:
    first, second = sessions[0].turns
    assert second.keep == len(first.messages)
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert len(second.messages[2]["content"].split()) == 24


def test_a_child_is_a_child_without_blocks_in_common(tmp_path: Path) -> None:
    rows = [
        {"chat_id": 1, "parent_chat_id": -1, "input_length": 40, "hash_ids": [1, 2, 3]},
        {"chat_id": 2, "parent_chat_id": 1, "input_length": 50, "hash_ids": [4, 5, 6, 7]},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    (session,) = read(path)
    assert [turn.boundary for turn in session.turns] == [None, Boundary.EDIT]
    assert session.turns[1].keep == 0


def test_claims_what_mooncake_does_not(fixtures: Path) -> None:
    line = json.loads((fixtures / "bailian-small.jsonl").read_text().splitlines()[0])
    assert READER.claims(line)
    assert not MooncakeReader().claims(line)
    assert not READER.claims({"input_length": 1, "hash_ids": []})


def test_the_way_through_capture_1(fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / "bailian-small.jsonl")
    assert workload.formats == ("bailian",)
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
