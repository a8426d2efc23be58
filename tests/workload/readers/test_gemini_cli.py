"""gemini-cli chats, as documents and as lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, Session
from autotune.workload.readers.gemini_cli import GeminiCliReader
from autotune.workload.writer import write_capture


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(GeminiCliReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


@pytest.fixture
def lines(fixtures: Path) -> Session:
    (session,), damage = read(fixtures / "gemini-lines-small.jsonl")
    assert damage == ()
    return session


@pytest.fixture
def changed(fixtures: Path, tmp_path: Path) -> Callable[..., Any]:
    """``changed(change)``: what is read of the lines once `change` edited them."""

    def make(change: Callable[[list[dict[str, Any]]], Any], name: str = "x.jsonl") -> Any:
        text = (fixtures / "gemini-lines-small.jsonl").read_text()
        found = [json.loads(line) for line in text.splitlines()]
        change(found)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(line)}\n" for line in found))
        return read(path)

    return make


def said(session: Session, turn: int) -> list[Any]:
    return [message.get("content") for message in session.turns[turn].messages]


def test_a_document(fixtures: Path) -> None:
    (session,), damage = read(fixtures / "gemini-small.json")
    assert damage == ()
    assert session.session_id == "gm-1"
    first, second = session.turns
    assert (first.recorded.prompt_tokens, second.recorded.prompt_tokens) == (7345, 7400)
    assert (first.output_tokens, first.recorded.reasoning_tokens) == (42, 12)
    assert second.recorded.cached_tokens == 7000
    assert (first.recorded.latency_ms, second.delay_ms) == (2000.0, 500.0)
    reply, answer = second.messages[1:]
    assert reply == {
        "role": "assistant",
        "content": "Looking.",
        "tool_calls": [
            {
                "id": "g1",
                "type": "function",
                "function": {"name": "read_file", "arguments": '{"path":"a.py"}'},
            }
        ],
    }
    assert answer == {"role": "tool", "tool_call_id": "g1", "content": "x = 1"}


def test_a_message_written_again_counts_once_and_as_it_was_last(lines: Session) -> None:
    counts = [turn.recorded.prompt_tokens for turn in lines.turns]
    assert counts == [7345, 7400, 7450, 7440, 7200]
    assert said(lines, 1) == ["Add a test.", "Looking.", "x = 1"]


def test_a_rewind_takes_the_message_and_all_after_it_away(lines: Session) -> None:
    assert said(lines, 2)[4:] == ["Now break it."]
    assert said(lines, 3)[3:] == ["Added.", "Thanks."]
    assert lines.turns[3].boundary is Boundary.EDIT
    assert lines.turns[3].keep == 4


def test_messages_that_are_set_take_the_place_of_all(lines: Session) -> None:
    assert lines.turns[4].boundary is Boundary.COMPACTION
    assert said(lines, 4) == ["Summary: a test was added.", "Got it.", "Next."]


def test_setting_what_was_there_is_no_edit(changed: Any) -> None:
    def same(found: list[dict[str, Any]]) -> None:
        kept = [found[1], found[3], found[5], found[9], found[10]]
        found[11] = {"$set": {"messages": kept}}

    ((session,), _) = changed(same)
    assert [turn.boundary for turn in session.turns[3:]] == [Boundary.EDIT, None]
    assert session.turns[4].keep == 5
    assert len(session.turns) == 5


def test_a_rewind_to_nowhere_takes_all_away(changed: Any) -> None:
    ((session,), _) = changed(lambda found: found[8].update({"$rewindTo": "?"}))
    assert said(session, 3) == ["Thanks."]


def test_a_sub_agent_lies_under_its_session(changed: Any) -> None:
    def agent(found: list[dict[str, Any]]) -> None:
        found[0]["kind"] = "subagent"

    ((session,), _) = changed(agent, "chats/gm-0/gm-2.jsonl")
    assert (session.session_id, session.parent) == ("gm-2", "gm-0")
    assert session.turns[0].boundary is Boundary.SUBAGENT


def test_lines_that_say_nothing_known_are_damage(changed: Any) -> None:
    ((session,), damage) = changed(lambda found: found.insert(3, {"what": 1}))
    assert [(d.kind, d.first_line) for d in damage] == [("wrong-schema", 4)]
    assert len(session.turns) == 5


@pytest.mark.parametrize(
    ("line", "claimed"),
    [
        ({"sessionId": "a", "projectHash": "b", "startTime": "t"}, True),
        ({"$set": {"summary": "s"}}, True),
        ({"$rewindTo": "m"}, True),
        ({"id": "a", "timestamp": "t", "type": "gemini", "content": ""}, True),
        ({"id": "a", "timestamp": "t", "type": "user", "message": {}}, False),
        ({"id": "a", "timestamp": "t", "type": ["user"], "content": ""}, False),
        ({"$set": {}, "other": 1}, False),
        ({"sessionId": 1, "projectHash": "b"}, False),
    ],
)
def test_claims(line: dict[str, Any], claimed: bool) -> None:
    assert GeminiCliReader().claims(line) is claimed


def test_documents() -> None:
    reader = GeminiCliReader()
    assert reader.claims_document({"sessionId": "a", "projectHash": "b", "messages": []})
    assert not reader.claims_document({"sessionId": "a", "messages": []})
    assert not reader.claims_document([1])


@pytest.mark.parametrize("name", ["gemini-small.json", "gemini-lines-small.jsonl"])
def test_the_way_through_capture_1(name: str, fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / name)
    assert workload.formats == ("gemini-cli",)
    write_capture(list(workload.sessions), tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
