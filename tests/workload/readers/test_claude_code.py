from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from claude_lines import (
    base,
    call,
    read_file,
    read_lines,
    reply,
    result,
    told,
    user,
)

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, PromptFidelity, Recorded
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.readers.claude_code import ClaudeCodeReader
from autotune.workload.readers.claude_tree import Tree
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL = FIXTURES / "claude-code-small.jsonl"
AGENT = FIXTURES / "claude-code-agent-small.jsonl"
RESUMED = FIXTURES / "claude-code-resumed-small.jsonl"
CLAIMS = ClaudeCodeReader().claims


def test_threads_and_depths() -> None:
    sessions, damage = read_file(SMALL)
    main, side = sessions
    assert (main.session_id, main.parent) == ("s-adder", None)
    assert (side.session_id, side.parent) == ("s-adder/sidechain-side1", "s-adder")
    depths = [turn.recorded.prompt_tokens for turn in main.turns]
    assert depths == [20000, 20302, 20332, 20342, 12202]
    assert [turn.recorded.prompt_tokens for turn in side.turns] == [9005, 9065]
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("torn-line", 1, 29)]


def test_blocks_of_one_reply_are_one_request_counted_once() -> None:
    (main, _), _ = read_file(SMALL)
    first = main.turns[0]
    assert first.recorded == Recorded(
        20000, 18000, 60, ttft_ms=None, latency_ms=5000.0, model="made-up-1"
    )
    assert first.output_tokens == 60
    assert first.response == {
        "role": "assistant",
        "content": "I read both files.",
        "tool_calls": [
            {
                "id": "t1",
                "type": "function",
                "function": {
                    "name": "Read",
                    "arguments": '{"file_path":"adder.py","limit":20}',
                },
            },
            {
                "id": "t2",
                "type": "function",
                "function": {"name": "Read", "arguments": '{"file_path":"test_adder.py"}'},
            },
        ],
    }
    assert dict(first.origin) | {"file": ""} == {
        "format": "claude-code",
        "file": "",
        "line": 6,
        "request_id": "msg_1",
    }


def test_results_of_calls_side_by_side_are_all_in_the_prompt() -> None:
    """Only the second hangs on the way back from the next reply."""
    (main, _), _ = read_file(SMALL)
    second = main.turns[1]
    assert [(m["role"], m.get("tool_call_id")) for m in second.messages[1:]] == [
        ("assistant", None),
        ("tool", "t1"),
        ("tool", "t2"),
    ]
    assert second.messages[1] == main.turns[0].response
    assert second.messages[3]["content"] == "no such file"
    assert (second.keep, second.boundary) == (1, None)


def test_a_branch_that_was_left_was_sent_but_is_not_in_later_prompts() -> None:
    (main, _), _ = read_file(SMALL)
    left, edited = main.turns[2:4]
    assert told(main, 2)[-1] == ("user", "Yes, and write a tset.")
    assert left.boundary is None
    assert told(main, 3)[-1] == ("user", "Yes, and write a test.\nKeep it short.")
    assert "tset" not in str(edited.messages)
    assert (edited.boundary, edited.keep) == (Boundary.EDIT, 5)
    assert edited.messages[4] is left.messages[4]


def test_a_compaction_begins_anew() -> None:
    (main, _), _ = read_file(SMALL)
    last = main.turns[-1]
    summary = "Summary: the adder subtracts; it was changed; a test is to be written."
    assert told(main) == [("user", summary)]
    assert (last.boundary, last.keep) == (Boundary.COMPACTION, 0)
    assert "overloaded" not in str([turn.messages for turn in main.turns])


def test_what_the_log_lacks() -> None:
    (main, side), _ = read_file(SMALL)
    assert {turn.fidelity.prompt for turn in main.turns} == {PromptFidelity.REBUILT}
    always = ("system", "tools")
    assert [turn.fidelity.missing for turn in main.turns] == [
        (*always, "attachments"),
        *[(*always, "attachments", "thinking")] * 3,
        always,
    ]
    assert {turn.fidelity.missing for turn in side.turns} == {always}


def test_times() -> None:
    (main, _), _ = read_file(SMALL)
    start = main.turns[0].timestamp_ms or 0.0
    assert start == 1772359210000.0
    assert [(t.timestamp_ms or 0.0) - start for t in main.turns] == [
        0.0, 7000.0, 70000.0, 91000.0, 190000.0,
    ]  # fmt: skip
    assert [turn.delay_ms for turn in main.turns] == [None, 2000.0, 60000.0, 18000.0, 95000.0]
    assert [turn.recorded.latency_ms for turn in main.turns] == [5000, 3000, 3000, 4000, 4000]


def test_a_sub_agent_in_a_file_of_its_own() -> None:
    (agent,), damage = read_file(AGENT)
    assert (agent.session_id, agent.parent, damage) == ("s-adder/agent-a7f3", "s-adder", ())
    assert [turn.boundary for turn in agent.turns] == [Boundary.SUBAGENT, None]
    assert [turn.recorded.prompt_tokens for turn in agent.turns] == [11503, 11583]
    assert agent.turns[1].messages[1]["reasoning_content"] == "A search will do."
    assert agent.turns[1].messages[2]["content"] == "calc.py:3\nmain.py:9"
    assert "thinking" not in agent.turns[1].fidelity.missing


def test_a_file_that_begins_in_mid_session_says_so() -> None:
    (session,), _ = read_file(RESUMED)
    assert session.session_id == "s-resumed"
    assert [turn.boundary for turn in session.turns] == [Boundary.RESUME, None]
    assert {turn.fidelity.missing for turn in session.turns} == {("system", "tools", "history")}
    assert [turn.recorded.prompt_tokens for turn in session.turns] == [148290, 148998]


def test_a_count_of_the_start_is_not_the_replys() -> None:
    """8 tokens were counted when the reply began; 94 characters of it are in the file."""
    (session,), _ = read_file(RESUMED)
    first, second = session.turns
    assert (first.recorded.completion_tokens, first.output_tokens) == (None, 24)
    assert (second.recorded.completion_tokens, second.output_tokens) == (21, 21)


def test_a_deep_first_prompt_without_history_is_flagged(tmp_path: Path) -> None:
    (deep,) = read_lines(tmp_path, user("u", None, 0, "hi"), reply("r", "u", 1, "x", prompt=60003))
    assert deep.turns[0].boundary is Boundary.RESUME
    (usual,) = read_lines(tmp_path, user("u", None, 0, "hi"), reply("r", "u", 1, "x", prompt=43371))
    assert (usual.turns[0].boundary, usual.turns[0].fidelity.missing) == (None, ("system", "tools"))


def test_a_deep_sub_agent_is_a_fork(tmp_path: Path) -> None:
    agent = {"agentId": "a1", "isSidechain": True}
    lines = [user("u", None, 0, "hi", **agent), reply("r", "u", 1, "x", prompt=90000, **agent)]
    (fork,) = read_lines(tmp_path, *lines)
    assert fork.turns[0].boundary is Boundary.FORK
    assert "history" in fork.turns[0].fidelity.missing


def test_sessions_that_share_a_file_are_told_apart(tmp_path: Path) -> None:
    lines = []
    for name in ("a", "b"):
        more = {"sessionId": name}
        lines.append(user(f"{name}1", None, 0, f"task {name}", **more))
        lines.append(reply(f"{name}2", f"{name}1", 1, f"done {name}", **more))
        lines.append(user(f"{name}3", f"{name}2", 2, "more", **more))
        lines.append(reply(f"{name}4", f"{name}3", 3, "yes", **more))
    first, second = read_lines(tmp_path, *lines[::4], *lines[1::4], *lines[2::4], *lines[3::4])
    assert (first.session_id, second.session_id) == ("a", "b")
    assert told(first) == [("user", "task a"), ("assistant", "done a"), ("user", "more")]
    assert [turn.boundary for turn in second.turns] == [None, None]


def test_history_under_another_sessions_id_is_a_resume(tmp_path: Path) -> None:
    old = {"sessionId": "old"}
    earlier, now = read_lines(
        tmp_path,
        user("u1", None, 0, "one", **old),
        reply("r1", "u1", 1, "two", **old),
        user("u2", "r1", 9, "three"),
        reply("r2", "u2", 10, "four"),
    )
    assert (earlier.session_id, len(earlier.turns)) == ("old", 1)
    assert told(now) == [("user", "one"), ("assistant", "two"), ("user", "three")]
    assert now.turns[0].boundary is Boundary.RESUME
    assert "history" not in now.turns[0].fidelity.missing


def test_copies_of_a_resumed_session_are_read_once(tmp_path: Path) -> None:
    """The lines are copied under the new session's id, as older versions did."""
    first = [user("u1", None, 0, "one"), reply("r1", "u1", 1, "two")]
    second = [*first, user("u2", "r1", 9, "three"), reply("r2", "u2", 10, "four")]
    for name, lines in (("a", first), ("b", second)):
        text = "".join(json.dumps({**line, "sessionId": name}) + "\n" for line in lines)
        (tmp_path / f"{name}.jsonl").write_text(text)
    workload = load_workload(tmp_path)
    assert [(s.session_id, len(s.turns)) for s in workload.sessions] == [("a", 1), ("b", 1)]
    assert workload.sessions[1].turns[0].boundary is Boundary.RESUME
    assert len(workload.sessions[1].turns[0].messages) == 3


def test_a_projects_tree_is_found_with_its_sub_agents(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "-home-ada-adder"
    (folder / "s-adder" / "subagents").mkdir(parents=True)
    (folder / "s-adder.jsonl").write_bytes(SMALL.read_bytes())
    (folder / "s-adder" / "subagents" / "agent-a7f3.jsonl").write_bytes(AGENT.read_bytes())
    (folder / "memory.md").write_text("notes")
    workload = load_workload(tmp_path / "projects")
    assert workload.formats == ("claude-code",)
    assert sorted((s.session_id, s.parent) for s in workload.sessions) == [
        ("s-adder", None),
        ("s-adder/agent-a7f3", "s-adder"),
        ("s-adder/sidechain-side1", "s-adder"),
    ]


def test_a_lost_line_does_not_lose_what_was_before_it(tmp_path: Path) -> None:
    lines = [
        user("u1", None, 0, "one"),
        reply("r1", "u1", 1, [call("t1")]),
        user("u3", "gone", 3, "three"),
        reply("r2", "u3", 4, "four"),
    ]
    (session,) = read_lines(tmp_path, *lines)
    assert [role for role, _ in told(session)] == ["user", "assistant", "user"]
    assert session.turns[1].boundary is None
    _, damage = read_file(tmp_path / "s.jsonl")
    assert [(d.kind, d.first_line) for d in damage] == [("missing-parent", 3)]


def test_a_message_of_another_shape_keeps_its_place(tmp_path: Path) -> None:
    lines: list[Any] = [
        user("u1", None, 0, "one"),
        user("u2", "u1", 1, {"no": "content"}),
        reply("r1", "u2", 2, "two"),
        reply("r2", "r1", 3, [{"type": "tool_use"}]),
        user("u3", "r2", 4, "three"),
        reply("r3", "u3", 5, "four"),
    ]
    (session,) = read_lines(tmp_path, *lines)
    assert told(session) == [("user", "one"), ("assistant", "two"), ("user", "three")]
    _, damage = read_file(tmp_path / "s.jsonl")
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 2, 2)]


@pytest.mark.parametrize(
    "line",
    [
        {"type": "mode", "mode": "normal", "sessionId": "s"},
        {"type": "summary", "summary": "x", "leafUuid": "u"},
        {"type": "file-history-snapshot", "messageId": "u", "snapshot": {}},
        user("u", None, 0, "hi"),
        reply("r", "u", 0, "hi"),
        base("a", None, 0, type="attachment", attachment={"type": "skill_listing"}),
        base("p", None, 0, type="progress", data={}),
        base("b", None, 0, type="system", subtype="compact_boundary"),
    ],
)
def test_lines_of_many_types_are_evidence(line: dict[str, Any]) -> None:
    assert CLAIMS(line)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"type": "user", "sessionId": "s", "message": {"role": "user", "content": "x"}},
        {**user("u", None, 0, "hi"), "message": {"role": "user", "parts": [{"text": "hi"}]}},
        {**base("b", None, 0, type="system"), "systemPayload": {}},
        {"type": "assistant", "session_id": "s", "message": {"content": []}},
        {"type": "mode", "sessionId": 3},
        {"type": ["user"], "sessionId": "s"},
    ],
)
def test_lines_of_others_are_not(line: dict[str, Any]) -> None:
    assert not CLAIMS(line)


@pytest.mark.parametrize("fixture", [SMALL, AGENT, RESUMED], ids=lambda path: path.stem)
def test_the_way_through_capture_1(fixture: Path, tmp_path: Path) -> None:
    sessions, _ = read_file(fixture)
    write_capture(sessions, tmp_path / "out.jsonl")
    ledger = DamageLedger()
    file = CaptureFile(tmp_path / "out.jsonl", "out.jsonl")
    assert list(Capture1Reader().read(file, ledger)) == sessions
    assert ledger.entries() == ()


def test_time_grows_with_the_file_not_with_its_square(tmp_path: Path) -> None:
    """1,500 requests, each a call and its result: the way back is never walked again."""
    above: list[int] = []
    lines: list[Any] = [user("u0", None, 0, "go")]
    for i in range(1500):
        parent = lines[-1]["uuid"]
        lines.append(reply(f"r{i}", parent, 0, [call(f"t{i}")]))
        lines.append(user(f"u{i + 1}", f"r{i}", 0, [result(f"t{i}", "ok")]))
    (session,) = _counting(lambda: read_lines(tmp_path, *lines), above)
    assert len(session.turns) == 1500
    assert sum(above) < 5 * len(lines)


def _counting(read: Callable[[], Any], above: list[int]) -> Any:
    original = Tree.above

    def counted(self: Tree, *given: Any) -> Any:
        above.append(1)
        return original(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tree, "above", counted)
        return read()
