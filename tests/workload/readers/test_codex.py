"""Codex rollouts, with what each of them is known to trip a reader over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from autotune.workload.damage import DamageLedger
from autotune.workload.detect import detect
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, PromptFidelity, Session
from autotune.workload.readers.codex import CodexReader
from autotune.workload.writer import write_capture

Lines = list[dict[str, Any]]


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(CodexReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


@pytest.fixture
def small(fixtures: Path) -> Session:
    (session,), damage = read(fixtures / "codex-small.jsonl")
    assert damage == ()
    return session


@pytest.fixture
def changed(fixtures: Path, tmp_path: Path) -> Callable[..., list[Session]]:
    """``changed(change, name)``: the sessions of a fixture whose lines `change` edited."""

    def make(change: Callable[[Lines], Any], name: str = "codex-small.jsonl") -> list[Session]:
        lines = [json.loads(line) for line in (fixtures / name).read_text().splitlines()]
        change(lines)
        path = tmp_path / "rollout.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return read(path)[0]

    return make


def texts(session: Session, turn: int) -> list[Any]:
    return [message.get("content") for message in session.turns[turn].messages]


def test_a_request_wherever_the_model_answered(small: Session) -> None:
    assert (small.session_id, small.parent) == ("th-1", None)
    assert [turn.index for turn in small.turns] == [0, 1, 2, 3, 4, 5]
    assert [len(turn.messages) for turn in small.turns] == [4, 7, 9, 11, 11, 2]
    assert [turn.keep for turn in small.turns] == [0, 4, 7, 9, 10, 1]
    boundaries = [turn.boundary for turn in small.turns]
    assert boundaries == [None, None, None, None, Boundary.EDIT, Boundary.COMPACTION]


def test_the_first_prompt_has_the_system_prompt_and_the_exposed_tools(small: Session) -> None:
    first = small.turns[0]
    assert [m["role"] for m in first.messages] == ["system", "system", "user", "user"]
    assert first.messages[0]["content"] == "You are a careful coding agent."
    assert first.messages[3]["content"] == "Why does the adder test fail?"
    (tool,) = first.tools
    assert tool["function"]["name"] == "app__open_page"
    assert tool["function"]["parameters"]["properties"] == {"url": {"type": "string"}}


def test_a_reply_is_one_message_however_many_items_it_had(small: Session) -> None:
    reply = small.turns[0].response
    assert reply is small.turns[1].messages[4]
    assert reply["reasoning_content"] == "**Looking at the test**"
    assert reply["content"] == "I will read both files."
    arguments = [call["function"]["arguments"] for call in reply["tool_calls"]]
    assert arguments == ['{"cmd": "cat adder.py",  "limit": 20}', '{"cmd":"cat test_adder.py"}']
    answers = small.turns[1].messages[5:7]
    assert [m["tool_call_id"] for m in answers] == ["c1", "c2"]
    assert answers[1]["content"] == "Output:\nassert add(2, 2) == 4"


def test_counts_belong_to_the_open_request_and_repeated_totals_to_none(small: Session) -> None:
    recorded = [turn.recorded for turn in small.turns]
    assert [r.prompt_tokens for r in recorded] == [1000, 1200, 1300, 1400, 1450, 700]
    assert [r.cached_tokens for r in recorded] == [0, 960, 1152, 1280, 1280, 0]
    assert [r.reasoning_tokens for r in recorded] == [40, 0, 0, 0, 50, 0]
    assert [turn.output_tokens for turn in small.turns] == [60, 30, 12, 5, 70, 3]
    assert [r.model for r in recorded] == ["gpt-a"] * 3 + ["gpt-b"] * 3


def test_times_are_from_the_last_input_to_the_last_item(small: Session) -> None:
    starts = [(t.timestamp_ms or 0) - (small.turns[0].timestamp_ms or 0) for t in small.turns]
    assert starts == [0, 2600, 4400, 299_010, 359_010, 364_000]
    assert [t.recorded.latency_ms for t in small.turns] == [2000, 1400, 1600, 990, 2990, 3000]
    assert [t.delay_ms for t in small.turns] == [None, 600, 400, 293_010, 59_010, 2000]


def test_time_to_first_token_only_where_the_task_had_one_request(small: Session) -> None:
    assert [t.recorded.ttft_ms for t in small.turns] == [None, None, None, 640.0, None, None]


def test_what_is_missing(small: Session) -> None:
    assert {turn.fidelity.prompt for turn in small.turns} == {PromptFidelity.REBUILT}
    missing = [turn.fidelity.missing for turn in small.turns]
    thought = ("tools", "thinking")
    assert missing == [("tools",), thought, thought, thought, thought, ("tools", "compaction")]


def test_a_rollback_takes_the_turn_and_its_context_away(small: Session) -> None:
    assert texts(small, 3)[9:] == ["Fixed: the sign was wrong.", "Delete the tests."]
    assert texts(small, 4)[9:] == ["Fixed: the sign was wrong.", "Now add a subtract function."]


def test_after_a_compaction_only_the_replacement_is_left(small: Session) -> None:
    assert texts(small, 5) == ["You are a careful coding agent.", "Now add a subtract function."]
    assert small.turns[5].messages[0] is small.turns[4].messages[0]


def test_an_old_compaction_keeps_what_was_said_to_the_model(changed: Any) -> None:
    def old(lines: Lines) -> None:
        (line,) = [line for line in lines if line["type"] == "compacted"]
        line["payload"] = {"message": "Summary: all is well."}

    (session,) = changed(old)
    said = texts(session, 5)
    assert [m["role"] for m in session.turns[5].messages] == ["system"] * 2 + ["user"] * 4
    assert said[3:] == [
        "Why does the adder test fail?",
        "Now add a subtract function.",
        "Summary: all is well.",
    ]


def test_counts_may_come_before_the_tool_answers(changed: Any) -> None:
    def earlier(lines: Lines) -> None:
        at = [n for n, line in enumerate(lines) if line["payload"].get("type") == "token_count"][1]
        lines.insert(at - 2, lines.pop(at))

    (session,) = changed(earlier)
    assert [t.recorded.prompt_tokens for t in session.turns] == [1000, 1200, 1300, 1400, 1450, 700]


def test_without_counts_encrypted_reasoning_is_lost_thinking(changed: Any) -> None:
    def forget(lines: Lines) -> None:
        lines[:] = [line for line in lines if line["payload"].get("type") != "token_count"]

    (session,) = changed(forget)
    assert [t.recorded.prompt_tokens for t in session.turns] == [None] * 6
    assert [t.fidelity.missing for t in session.turns[:2]] == [("tools",), ("tools", "thinking")]


def test_a_fork_counts_from_where_its_own_requests_begin(fixtures: Path) -> None:
    (session,), _ = read(fixtures / "codex-fork-small.jsonl")
    assert (session.session_id, session.parent) == ("th-2", "th-1")
    (turn,) = session.turns
    assert turn.boundary is Boundary.FORK
    assert turn.recorded.prompt_tokens == 1120
    assert [m["role"] for m in turn.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert turn.messages[-1]["content"] == "Explain it to a child."


@pytest.mark.parametrize(
    ("source", "parent"),
    [
        ({"subagent": {"thread_spawn": {"parent_thread_id": "th-1", "depth": 1}}}, "th-1"),
        ({"subagent": "review"}, None),
        ("cli", None),
    ],
)
def test_sub_agents(changed: Any, source: Any, parent: str | None) -> None:
    def spawn(lines: Lines) -> None:
        for line in lines:
            if line["type"] == "session_meta":
                line["payload"] |= {"source": source, "id": "th-9"}

    (session,) = changed(spawn)
    assert (session.session_id, session.parent) == ("th-9", parent)
    first = session.turns[0].boundary
    assert first is (None if source == "cli" else Boundary.SUBAGENT)
    assert len(session.turns) == 6


def test_a_history_in_another_file_is_missing(changed: Any) -> None:
    def based(lines: Lines) -> None:
        lines[0]["payload"] |= {"forked_from_id": "th-0", "history_base": {"thread_id": "th-0"}}

    (session,) = changed(based)
    assert session.turns[0].fidelity.missing == ("tools", "history")


def test_the_older_form_without_envelope(fixtures: Path) -> None:
    (session,), damage = read(fixtures / "codex-bare-small.jsonl")
    assert damage == ()
    assert session.session_id == "old-1"
    assert [len(turn.messages) for turn in session.turns] == [2, 4, 6]
    assert [turn.keep for turn in session.turns] == [0, 2, 4]
    assert texts(session, 2)[0] == "Use tabs."
    assert [turn.timestamp_ms for turn in session.turns] == [1748937600000.0, None, None]
    call = session.turns[1].messages[2]["tool_calls"][0]["function"]
    assert call == {"name": "local_shell", "arguments": '{"type":"exec","command":["ls"]}'}
    assert session.turns[0].fidelity.missing == ("system", "tools")


def test_instructions_that_a_message_repeats_are_not_said_twice(changed: Any) -> None:
    def repeat(lines: Lines) -> None:
        lines[2]["content"][0]["text"] = "<user_instructions>Use tabs.</user_instructions>"

    (session,) = changed(repeat, "codex-bare-small.jsonl")
    assert [m["role"] for m in session.turns[0].messages] == ["user"]


def test_rollouts_joined_into_one_file_are_sessions_of_their_own(
    fixtures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    names = ["codex-small.jsonl", "codex-bare-small.jsonl"]
    path.write_text("".join((fixtures / name).read_text() for name in names))
    found, _ = read(path)
    assert [(s.session_id, len(s.turns)) for s in found] == [("th-1", 6), ("old-1", 3)]


def test_a_lost_first_line_costs_the_name_only(changed: Any) -> None:
    (session,) = changed(lambda lines: lines.pop(0))
    assert session.session_id.startswith("rollout-")
    assert "Something newer." not in str(session.turns[0].messages)
    assert session.turns[0].fidelity.missing == ("system", "tools")


def test_broken_lines_are_counted(changed: Any, fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "rollout.jsonl"
    good = (fixtures / "codex-small.jsonl").read_text()
    path.write_text(good + '{"a": 1}\n' + '{"type":"response_item","payload":{}}\n' + '{"type":"')
    (session,), damage = read(path)
    assert len(session.turns) == 6
    assert [(d.kind, d.count) for d in damage] == [("wrong-schema", 2), ("torn-line", 1)]


def test_the_plain_file_wins_over_the_compressed_one(fixtures: Path, tmp_path: Path) -> None:
    plain = (fixtures / "codex-small.jsonl").read_bytes()
    packed = tmp_path / "rollout-x.jsonl.zst"
    packed.write_bytes(zstandard.compress(plain[: len(plain) // 2]))
    assert detect(CaptureFile(packed, "x")) is not None
    (half,) = load_workload(tmp_path).sessions
    assert len(half.turns) < 6
    (tmp_path / "rollout-x.jsonl").write_bytes(plain)
    both = load_workload(tmp_path)
    assert [len(session.turns) for session in both.sessions] == [6]
    assert [d.kind for d in both.damage] == ["duplicate-session"]


@pytest.mark.parametrize("name", ["codex-small", "codex-fork-small", "codex-bare-small"])
def test_the_way_through_capture_1(name: str, fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / f"{name}.jsonl")
    write_capture(list(workload.sessions), tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
    assert workload.formats == ("codex",)


def test_the_first_versions_wrote_one_document(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "codex-bare-small.jsonl").read_text()
    session, *items = [json.loads(line) for line in text.splitlines()]
    document = {"session": session, "items": [*items, None]}
    path = tmp_path / "rollout-2025-05-01-old-1.json"
    path.write_text(json.dumps(document, indent=2))
    reader = detect(CaptureFile(path, path.name))
    assert isinstance(reader, CodexReader)
    (found,), damage = read(path)
    (lines,), _ = read(fixtures / "codex-bare-small.jsonl")
    assert [t.messages for t in found.turns] == [t.messages for t in lines.turns]
    assert [d.kind for d in damage] == ["not-an-object"]
    path.write_text(json.dumps(document))
    assert len(read(path)[0]) == 1
    assert not reader.claims_document({"session": {"id": 1}, "items": []})
    assert not reader.claims_document([])
