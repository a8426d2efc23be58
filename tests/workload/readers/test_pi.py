"""pi sessions: aborted replies, branches left, compactions, counts that are disjoint."""

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
from autotune.workload.readers.pi import PiReader
from autotune.workload.writer import write_capture


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(PiReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


@pytest.fixture
def small(fixtures: Path) -> Session:
    (session,), damage = read(fixtures / "pi-small.jsonl")
    assert damage == ()
    return session


@pytest.fixture
def changed(fixtures: Path, tmp_path: Path) -> Callable[..., Any]:
    """``changed(change)``: what is read of the small session once `change` edited its lines."""

    def make(change: Callable[[list[dict[str, Any]]], Any]) -> Any:
        text = (fixtures / "pi-small.jsonl").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        change(lines)
        path = tmp_path / "x.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return read(path)

    return make


def said(session: Session, turn: int) -> list[Any]:
    return [message.get("content") for message in session.turns[turn].messages]


def test_every_reply_was_a_request(small: Session) -> None:
    assert small.session_id == "pi-1"
    assert [len(turn.messages) for turn in small.turns] == [1, 1, 3, 6, 6, 4]
    assert [turn.keep for turn in small.turns] == [0, 1, 1, 3, 4, 0]
    assert [turn.boundary for turn in small.turns[:4]] == [None] * 4
    assert small.turns[0].fidelity.missing == ("system", "tools")


def test_the_prompt_is_input_and_both_halves_of_the_cache(small: Session) -> None:
    recorded = [turn.recorded for turn in small.turns]
    assert [r.prompt_tokens for r in recorded] == [None, 1000, 1100, 1130, 1105, 300]
    assert [r.cached_tokens for r in recorded] == [None, 0, 1000, 1100, 1080, 0]
    assert [turn.output_tokens for turn in small.turns] == [None, 40, 5, 9, 3, 7]


def test_an_aborted_reply_is_no_part_of_the_next_prompt(small: Session) -> None:
    assert small.turns[0].origin["error"] == "aborted"
    assert small.turns[0].response is None
    assert said(small, 1) == ["Why is the sky blue?"]


def test_times_are_from_the_request_to_the_line(small: Session) -> None:
    assert [t.recorded.latency_ms for t in small.turns] == [1500, 1500, 1750, 1500, 1500, 1500]
    assert [t.delay_ms for t in small.turns] == [None, 500, 1250, 2500, 9500, 8500]


def test_messages_in_chat_shape(small: Session) -> None:
    reply, answer = small.turns[2].messages[1:]
    assert reply["reasoning_content"] == "Light scatters."
    function = {"name": "read", "arguments": '{"path":"sky.md","n":3}'}
    assert reply["tool_calls"] == [{"id": "t1", "type": "function", "function": function}]
    assert answer == {"role": "tool", "tool_call_id": "t1", "content": "Rayleigh"}
    assert said(small, 3)[4:] == ["$ ls\nsky.md", "And at night?"]


def test_a_branch_that_was_left_is_an_edit_and_loses_what_it_lost(small: Session) -> None:
    turn = small.turns[4]
    assert turn.boundary is Boundary.EDIT
    assert said(small, 4)[3:] == ["Scattering.", "They spoke of the night.", "And at dawn?"]
    assert turn.fidelity.missing == ("system", "tools")


def test_hidden_thinking_is_missing_from_where_it_was_said(changed: Any) -> None:
    def go_on(lines: list[dict[str, Any]]) -> None:
        lines[10]["parentId"] = "e8"

    ((session,), _) = changed(go_on)
    assert session.turns[4].boundary is None
    assert session.turns[4].fidelity.missing == ("system", "tools", "thinking")


def test_a_compaction_is_a_summary_and_what_was_kept(small: Session) -> None:
    assert small.turns[5].boundary is Boundary.COMPACTION
    assert said(small, 5) == ["The sky was discussed.", "And at dawn?", "Red.", "Sum up."]
    assert small.turns[5].messages[1] is small.turns[4].messages[5]


def test_version_1_is_a_list_and_keeps_by_number(fixtures: Path) -> None:
    (session,), damage = read(fixtures / "pi-v1-small.jsonl")
    assert damage == ()
    assert [len(turn.messages) for turn in session.turns] == [1, 1, 3, 2]
    assert session.turns[3].boundary is Boundary.COMPACTION
    assert said(session, 3) == ["The sky.", "And at night?"]


def test_a_fork_repeats_its_parent_before_it_goes_on(changed: Any) -> None:
    def fork(lines: list[dict[str, Any]]) -> None:
        lines[0] |= {"parentSession": "/h/2026_pi-0.jsonl", "timestamp": "2026-01-01T00:00:30.500Z"}

    ((session,), _) = changed(fork)
    assert session.parent == "pi-0"
    (turn,) = session.turns
    assert said(session, 0)[0] == "The sky was discussed."
    assert turn.boundary is Boundary.COMPACTION


def test_a_line_whose_parent_is_lost_follows_the_one_before(changed: Any) -> None:
    ((session,), damage) = changed(lambda lines: lines.pop(5))
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("missing-turn", 1, 6)]
    assert said(session, 2) == ["Why is the sky blue?", "Let me look."]


def test_lines_without_a_session_are_one_all_the_same(changed: Any) -> None:
    ((session,), damage) = changed(lambda lines: lines.pop(0))
    assert session.session_id.startswith("pi-")
    assert (len(session.turns), damage) == (6, ())


@pytest.mark.parametrize(
    ("line", "claimed"),
    [
        ({"type": "session", "id": "a", "timestamp": "t", "cwd": "/"}, True),
        ({"type": "session", "id": "a", "timestamp": "t"}, False),
        ({"type": "message", "timestamp": "t", "message": {"role": "toolResult"}}, True),
        ({"type": "message", "timestamp": "t", "message": {"role": "developer"}}, False),
        ({"type": "message", "timestamp": "t", "message": {"role": ["user"]}}, False),
        ({"type": "compaction", "timestamp": "t", "summary": ""}, True),
        ({"type": {}, "timestamp": "t"}, False),
        ({"type": "user", "timestamp": "t", "message": {"role": "user"}}, False),
    ],
)
def test_claims(line: dict[str, Any], claimed: bool) -> None:
    assert PiReader().claims(line) is claimed


@pytest.mark.parametrize("name", ["pi-small", "pi-v1-small"])
def test_the_way_through_capture_1(name: str, fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / f"{name}.jsonl")
    assert workload.formats == ("pi",)
    write_capture(list(workload.sessions), tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
