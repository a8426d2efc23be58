from __future__ import annotations

from typing import Any

import pytest
from claude_lines import base, boundary, reply, result, user
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.workload.readers.claude_entries import Entry, Kind, link_entry, parse_entry


def parsed(line: dict[str, Any]) -> Entry:
    entry = parse_entry(line, 7, "file")
    assert entry is not None
    return entry


def test_a_line_without_an_id_is_not_of_the_tree() -> None:
    assert parse_entry({"type": "mode", "sessionId": "s"}, 1, "file") is None
    assert parse_entry({"type": "user", "uuid": 3}, 1, "file") is None


def test_places() -> None:
    entry = parsed(base("u", "p", 1, type="progress", agentId="a1"))
    assert (entry.uuid, entry.parent, entry.number, entry.kind) == ("u", "p", 7, Kind.LINK)
    assert entry.lane == ("s", "a1", True)
    assert entry.time_ms == 1772359201000.0
    assert parsed({"uuid": "u"}).session_id == "file"


def test_signatures_are_not_kept() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": "x" * 999}
    hidden = {"type": "redacted_thinking", "data": "x" * 999}
    entry = parsed(reply("r", "u", 1, [thinking, hidden]))
    assert entry.reply is not None
    assert entry.reply.message == {"role": "assistant", "content": ""}
    assert entry.loses == {"thinking"}


def test_what_a_user_says_and_what_tools_gave_back() -> None:
    entry = parsed(user("u", "r", 1, [result("t1", "x"), {"type": "text", "text": "y"}]))
    assert entry.results == ({"role": "tool", "tool_call_id": "t1", "content": "x"},)
    assert entry.said == ({"type": "text", "text": "y"},)


@pytest.mark.parametrize(
    ("attachment", "kind", "loses"),
    [
        ({"type": "skill_listing", "content": "x"}, Kind.LINK, {"attachments"}),
        ({"type": "hook_success", "content": "", "stdout": "x"}, Kind.LINK, set()),
        ({"type": "hook_success", "content": "x"}, Kind.LINK, {"attachments"}),
        ({"type": "command_permissions"}, Kind.LINK, set()),
        ({"type": "queued_command", "prompt": "also"}, Kind.USER, set()),
        ({"type": "queued_command", "prompt": [{"type": "text", "text": "x"}]}, Kind.USER, set()),
        ({"type": ["x"]}, Kind.LINK, {"attachments"}),
        (None, Kind.LINK, {"attachments"}),
    ],
)
def test_attachments(attachment: Any, kind: Kind, loses: set[str]) -> None:
    entry = parsed(base("a", None, 0, type="attachment", attachment=attachment))
    assert (entry.kind, set(entry.loses)) == (kind, loses)


def test_compactions() -> None:
    kept = {"headUuid": "h", "anchorUuid": "a", "tailUuid": "t"}
    assert parsed(boundary("b", 0, preservedSegment=kept)).preserved == ("h", "a")
    assert parsed(boundary("b", 0, preservedSegment={"headUuid": "h"})).preserved == ("h", "b")
    assert parsed(boundary("b", 0, preservedSegment=3)).preserved is None
    assert parsed(boundary("b", 0)).kind is Kind.BOUNDARY


@pytest.mark.parametrize(
    "message", [None, 3, {}, {"content": [3]}, {"content": [{"type": "text"}]}]
)
def test_messages_of_another_shape_are_refused(message: Any) -> None:
    line = base("u", None, 0, type="user", message=message)
    with pytest.raises(ValueError, match=r"message|content"):
        parse_entry(line, 1, "file")
    assert link_entry(line, 1, "file") is not None


_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1e308, "", "x", [], {}, [None], {"": {}}, [[[]]]]
)


@settings(max_examples=100)
@given(st.data())
def test_any_value_at_any_key(data: st.DataObject) -> None:
    lines = [
        reply("r", "u", 1, "x"),
        user("u", None, 0, "x"),
        boundary("b", 0, preservedSegment={}),
    ]
    line = data.draw(st.sampled_from(lines))
    for key in list(line):
        if data.draw(st.booleans()):
            line[key] = data.draw(_ODD)
    message = line["message"] if isinstance(line.get("message"), dict) else {}
    for key in list(message):
        if data.draw(st.booleans()):
            message[key] = data.draw(_ODD)
    try:
        parse_entry(line, 1, "file")
    except ValueError:
        assert link_entry(line, 1, "file") is not None
