"""Branches, compactions and clearings: what is in the prompt of which request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from claude_lines import base, boundary, call, read_lines, reply, result, told, user

from autotune.workload.model import Boundary, Session
from autotune.workload.readers.claude_path import CLEARED


def contents(session: Session, turn: int = -1) -> list[Any]:
    return [content for _, content in told(session, turn)]


def test_a_retry_sends_the_same_prompt_and_is_no_edit(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, "broken off"),
        reply("r2", "u1", 5, "two"),
        user("u2", "r2", 9, "three"),
        reply("r3", "u2", 10, "four"),
    )
    assert [contents(session, i) for i in range(3)] == [["one"], ["one"], ["one", "two", "three"]]
    assert [turn.boundary for turn in session.turns] == [None] * 3
    assert session.turns[2].keep == 1


def test_a_prompt_that_was_edited_before_its_answer_was_never_sent(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, "two"),
        user("u2", "r1", 2, "thre"),
        user("u3", "r1", 3, "three"),
        reply("r2", "u3", 4, "four"),
    )
    assert contents(session) == ["one", "two", "three"]
    assert [turn.boundary for turn in session.turns] == [None, None]


def test_a_rewind_goes_back_and_on(tmp_path: Path) -> None:
    lines = [user("u1", None, 0, "one")]
    for i in range(1, 4):
        lines.append(reply(f"r{i}", f"u{i}", i, f"answer {i}"))
        lines.append(user(f"u{i + 1}", f"r{i}", i, f"question {i}"))
    lines += [user("v", "r1", 20, "instead"), reply("r9", "v", 21, "sure")]
    lines += [user("w", "r9", 22, "more"), reply("r10", "w", 23, "yes")]
    (session,) = read_lines(tmp_path, *lines)
    assert contents(session, 3) == ["one", "answer 1", "instead"]
    assert contents(session, 4) == ["one", "answer 1", "instead", "sure", "more"]
    assert [turn.boundary for turn in session.turns[2:]] == [None, Boundary.EDIT, None]
    assert session.turns[3].keep == 2
    assert session.turns[3].messages[1] is session.turns[2].messages[1]


def test_a_call_that_came_while_another_ran_is_of_the_same_reply(tmp_path: Path) -> None:
    """Tools start while the reply is still streamed: a result stands between its blocks."""
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, [call("t1")], mid="m", stop="tool_use"),
        user("u2", "r1", 2, [result("t1", "first")]),
        reply("r2", "u2", 3, [call("t2")], mid="m", stop="tool_use"),
        user("u3", "r2", 4, [result("t2", "second")]),
        reply("r3", "u3", 5, "done"),
    )
    assert [turn.index for turn in session.turns] == [0, 1]
    assert [role for role, _ in told(session)] == ["user", "assistant", "tool", "tool"]
    assert contents(session)[2:] == ["first", "second"]
    assert [c["id"] for c in session.turns[1].messages[1]["tool_calls"]] == ["t1", "t2"]
    assert session.turns[0].response == session.turns[1].messages[1]


def test_results_that_came_later_are_not_in_an_earlier_prompt(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, [call("t1")], mid="m"),
        reply("r2", "r1", 2, [call("t2")], mid="m"),
        user("u2", "r2", 3, [result("t2", "second")]),
        reply("r3", "u2", 4, "early"),
        user("u3", "r1", 5, [result("t1", "first")]),
        user("u4", "r3", 6, "more"),
        reply("r4", "u4", 7, "late"),
    )
    assert contents(session, 1)[2:] == ["second"]
    assert [turn.boundary for turn in session.turns] == [None] * 3


def test_a_compaction_that_kept_the_latest_messages(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, "two"),
        user("u2", "r1", 2, "three"),
        reply("r2", "u2", 3, "four"),
        boundary("b", 9, preservedSegment={"headUuid": "u2", "anchorUuid": "s", "tailUuid": "r2"}),
        user("s", "b", 9, "what was before", isCompactSummary=True),
        user("u3", "r2", 10, "five"),
        reply("r3", "u3", 11, "six"),
        user("u4", "r3", 12, "seven"),
        reply("r4", "u4", 13, "eight"),
    )
    assert contents(session, 1) == ["one", "two", "three"]
    assert contents(session, 2) == ["what was before\nthree", "four", "five"]
    assert contents(session, 3) == ["what was before\nthree", "four", "five", "six", "seven"]
    boundaries = [turn.boundary for turn in session.turns]
    assert boundaries == [None, None, Boundary.COMPACTION, None]


def test_a_summary_without_a_boundary_line_begins_anew_too(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, "two"),
        user("s", "r1", 9, "what was before", isCompactSummary=True),
        reply("r2", "s", 10, "three"),
    )
    assert contents(session) == ["what was before"]
    assert session.turns[1].boundary is Boundary.COMPACTION


def test_a_file_that_begins_with_a_compaction_has_its_history_in_the_summary(
    tmp_path: Path,
) -> None:
    lines = [boundary("b", 0), user("s", "b", 0, "before", isCompactSummary=True)]
    (session,) = read_lines(tmp_path, *lines, reply("r", "s", 1, "on", prompt=90000))
    assert session.turns[0].boundary is Boundary.COMPACTION
    assert session.turns[0].fidelity.missing == ("system", "tools")


def test_cleared_tool_results_are_an_edit(tmp_path: Path) -> None:
    metadata = {"compactedToolIds": ["t1", 3], "trigger": "auto"}
    clearing = {"subtype": "microcompact_boundary", "microcompactMetadata": metadata}
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, [call("t1")]),
        user("u2", "r1", 2, [result("t1", "a long file")]),
        reply("r2", "u2", 3, [call("t2")]),
        user("u3", "r2", 4, [result("t2", "short")]),
        base("c", "u3", 5, type="system", **clearing),
        reply("r3", "c", 6, "three"),
        user("u4", "r3", 7, "four"),
        reply("r4", "u4", 8, "five"),
    )
    assert contents(session, 1)[2] == "a long file"
    assert contents(session, 2)[2::2] == [CLEARED, "short"]
    assert contents(session, 3)[2::2] == [CLEARED, "short", "four"]
    assert [turn.boundary for turn in session.turns] == [None, None, Boundary.EDIT, None]
    assert [turn.keep for turn in session.turns] == [0, 1, 2, 5]


def test_what_the_client_wrote_itself_is_no_request(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", None, 0, "one"),
        reply("x", "u1", 1, "API Error", model="<synthetic>", isApiErrorMessage=True),
        reply("r1", "x", 2, "No response requested.", model="<synthetic>"),
        user("u2", "r1", 3, "two"),
        reply("r2", "u2", 4, "three"),
    )
    assert contents(session) == ["one", "No response requested.", "two"]
    assert len(session.turns) == 1


def test_the_output_of_a_local_command_is_told_to_the_model(tmp_path: Path) -> None:
    output = "<command-name>/cost</command-name>"
    (session,) = read_lines(
        tmp_path,
        base("c", None, 0, type="system", subtype="local_command", content=output),
        base("i", "c", 0, type="system", subtype="informational", content="not told"),
        user("u", "i", 1, "one"),
        reply("r", "u", 2, "two"),
    )
    assert contents(session) == [f"{output}\none"]


def test_circles_end(tmp_path: Path) -> None:
    (session,) = read_lines(
        tmp_path,
        user("u1", "u2", 0, "one"),
        user("u2", "u1", 1, "two"),
        reply("r1", "u2", 2, "three"),
        user("u3", "r1", 3, "four"),
        reply("r2", "u3", 4, "five"),
    )
    assert contents(session) == ["one\ntwo", "three", "four"]
    itself = [user("u", "u", 0, "one"), reply("r", "r", 1, "two"), reply("q", "u", 2, "three")]
    (other,) = read_lines(tmp_path, *itself)
    assert contents(other) == ["one"]


def test_side_chains_in_a_circle_are_threads_too(tmp_path: Path) -> None:
    side = {"isSidechain": True}
    (session,) = read_lines(
        tmp_path,
        user("u1", "u2", 0, "one", **side),
        user("u2", "u1", 1, "two", **side),
        reply("r1", "u2", 2, "three", **side),
    )
    assert session.parent == "s"
    assert session.turns[0].boundary is Boundary.SUBAGENT
