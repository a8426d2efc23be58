"""opencode: steps of a message, disjoint counts, pruned results, compactions, runs' output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, Recorded, Session
from autotune.workload.readers.opencode import OpenCodeReader
from autotune.workload.readers.opencode_shape import (
    CLEARED,
    COMPACT,
    Step,
    recorded_of,
    steps_of,
    user_message,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL = FIXTURES / "opencode-small.json"
RUN = FIXTURES / "opencode-run-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(OpenCodeReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


def small() -> Session:
    (session,), damage = read(SMALL)
    assert damage == ()
    return session


def test_each_step_is_a_request() -> None:
    session = small()
    assert (session.session_id, session.parent) == ("ses_1", "ses_0")
    assert [t.origin["message"] for t in session.turns] == [2, 2, 3, 5, 7]
    assert [t.boundary for t in session.turns] == [
        *(Boundary.SUBAGENT, None, Boundary.EDIT),
        *(None, Boundary.COMPACTION),
    ]


def test_counts_are_disjoint_and_add_up_to_the_prompt() -> None:
    recorded = [t.recorded for t in small().turns]
    assert [r.prompt_tokens for r in recorded] == [1000, 1050, 900, 950, None]
    assert [r.cached_tokens for r in recorded] == [700, 1000, 0, 0, None]
    assert [r.completion_tokens for r in recorded] == [35, 9, 4, 6, None]


def test_a_step_begins_when_the_tools_before_it_are_done() -> None:
    first, second, third = small().turns[:3]
    assert [t.timestamp_ms for t in (first, second, third)] == [
        *(1767323001000.0, 1767323004000.0, 1767323010000.0),
    ]
    assert [t.delay_ms for t in (first, second, third)] == [None, 1000.0, 5200.0]


def test_the_reply_and_what_its_tools_answered() -> None:
    first, second, third = small().turns[:3]
    assert first.response is not None
    assert first.response["reasoning_content"] == "Hm."
    assert first.response["tool_calls"][0]["function"]["arguments"] == '{"path":"a"}'
    assert [m["content"] for m in first.messages] == ["Fix it."]
    assert second.messages[2]["content"] == "long text"
    assert third.messages[4]["content"] == "no file"


def test_a_pruned_result_is_whole_until_it_was_pruned() -> None:
    _, second, third = small().turns[:3]
    assert second.messages[2]["content"] == "long text"
    assert third.messages[2]["content"] == CLEARED
    assert third.keep == 2


def test_a_compaction_leaves_the_question_and_the_summary() -> None:
    asked, after = small().turns[3:]
    assert asked.messages[-1] == {"role": "user", "content": COMPACT}
    assert [m["content"] for m in after.messages] == [COMPACT, "It was fixed.", "More."]


def test_the_tail_that_a_compaction_keeps_follows_the_summary(tmp_path: Path) -> None:
    document = json.loads(SMALL.read_text())
    document["messages"][3]["parts"][0]["tail_start_id"] = "m3"
    (tmp_path / "x.json").write_text(json.dumps(document))
    (session,), _ = read(tmp_path / "x.json")
    contents = [m["content"] for m in session.turns[-1].messages]
    assert contents == [COMPACT, "It was fixed.", "Done.", "More."]


def test_a_failed_request_is_a_turn_without_a_reply() -> None:
    last = small().turns[-1]
    assert last.response is None
    assert last.recorded == Recorded(model="m-1")


def test_the_output_of_a_run() -> None:
    (session,), damage = read(RUN)
    assert damage == ()
    first, second = session.turns
    assert [t.recorded.prompt_tokens for t in session.turns] == [800, 840]
    assert first.messages == ({"role": "user", "content": ""},)
    assert first.fidelity.missing == ("system", "tools", "prompt")
    assert (first.delay_ms, second.delay_ms) == (None, 1200.0)
    assert [m["role"] for m in second.messages] == ["user", "assistant", "tool"]


def test_a_run_that_tells_its_prompt_and_is_cut_off(tmp_path: Path) -> None:
    part = {"type": "text", "text": "Go."}
    user = {"type": "user", "timestamp": 1, "sessionID": "ses_9", "parts": [part]}
    lines = [json.dumps(user), *RUN.read_text().splitlines()[:5], '{"type":"te']
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    (session,), damage = read(tmp_path / "x.jsonl")
    assert session.turns[0].messages == ({"role": "user", "content": "Go."},)
    assert session.turns[0].fidelity.missing == ("system", "tools")
    assert session.turns[1].recorded.prompt_tokens is None
    assert [d.kind for d in damage] == ["torn-line"]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({}, Recorded(model="m")),
        ({"input": 0, "cache": {"read": 0}}, Recorded(model="m")),
        ({"input": 5, "output": 2, "cache": 3}, Recorded(5, 0, 2, model="m")),
        (
            {"input": 5, "output": 2, "reasoning": 3, "total": 7},
            Recorded(5, 0, 2, 3, model="m"),
        ),
        (
            {"input": 5, "output": 2, "reasoning": 3, "total": 10},
            Recorded(5, 0, 5, 3, model="m"),
        ),
    ],
)
def test_counts_of_a_step(tokens: dict[str, Any], expected: Recorded) -> None:
    assert recorded_of(tokens, "m") == expected


def test_parts_of_users_and_steps_without_marks() -> None:
    image = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,AA=="}
    sheet = {"type": "file", "mime": "text/csv", "url": "file:///a.csv", "filename": "a.csv"}
    message = user_message([{"type": "text", "text": "See"}, image, sheet, {"type": "file"}])
    assert message is not None
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "file"]
    assert user_message([{"type": "agent"}]) is None
    (step,) = steps_of([{"type": "text", "text": "a"}, {"type": "tool", "tool": "x"}], 5.0)
    assert step.message is not None
    assert [answer.message["content"] for answer in step.answers] == ["[tool call interrupted]"]
    assert Step().message is None


def test_messages_of_other_shapes_are_counted(tmp_path: Path) -> None:
    document = json.loads(SMALL.read_text())
    document["messages"][1:1] = [7, {"info": {}, "parts": []}]
    (tmp_path / "x.json").write_text(json.dumps(document))
    (session,), damage = read(tmp_path / "x.json")
    assert len(session.turns) == 5
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 2, 2)]


def test_claims_and_detection() -> None:
    reader = OpenCodeReader()
    line = json.loads(RUN.read_text().splitlines()[0])
    assert reader.claims(line)
    assert not reader.claims({**line, "type": "user"})
    assert not reader.claims({**line, "part": None})
    assert not reader.claims({"type": "text", "timestamp": 1, "sessionId": "a", "part": {}})
    assert not reader.claims_document({"info": {"id": "a"}, "messages": []})
    assert not reader.claims_document([])
    assert load_workload(SMALL).formats == ("opencode",)
    assert load_workload(RUN).formats == ("opencode",)
