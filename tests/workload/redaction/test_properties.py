"""What holds for any session: nothing is found twice, prefixes and structure stay."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.workload.load import load_workload
from autotune.workload.model import Session, Turn
from autotune.workload.prefix import common_prefix
from autotune.workload.redaction.options import RedactionOptions, TextMode
from autotune.workload.redaction.run import check_captures, redact_captures
from autotune.workload.writer import write_capture

_BODY = "aB3dE6gH1jK4mN7pQ0sT2vW5yZ8cF9hL"
_PIECES = [
    *("/home/ada/work", "C:\\Users\\Eve Ada\\x", "-home-ada-x", "ada@corp.io", "Ada Love <a@b.io>"),
    *("gh" + f"p_{_BODY}.", "/sk-" + f"ant-{_BODY}\n", " AK" + "IAQ3EGRZ7XWPLKJ2HT;"),
    *("PASSWORD=hunter2", '"api_key": "a1b2c3d4"', "Authorization: Bearer a1B2c3D4e5F6"),
    *(
        "postgres://ada:s3cret9@db/x",
        "192.168.7.9",
        "Acme",
        "ACME-x",
        "grün",
        "\\n",
        "\n",
        '"',
        "ada",
    ),
    *(" ", " the ", "{", "}", "x", "é", "😀", "\ud800", "data: ", "\x00"),
]
_texts = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _messages(draw: st.DrawFn) -> dict[str, Any]:
    role = draw(st.sampled_from(["system", "user", "assistant", "tool"]))
    message: dict[str, Any] = {"role": role, "content": draw(_texts)}
    if role == "assistant":
        arguments = json.dumps(draw(_json), ensure_ascii=draw(st.booleans()))
        function = {"name": "f", "arguments": arguments}
        message["tool_calls"] = [{"id": "c", "type": "function", "function": function}]
    if draw(st.integers(0, 9)) == 0:
        message["more"] = draw(_json)
    return message


@st.composite
def _sessions(draw: st.DrawFn) -> Session:
    """Prompts that grow, are cut, or change at their start."""
    said: list[dict[str, Any]] = []
    turns = []
    for index in range(draw(st.integers(1, 5))):
        said = said[: draw(st.integers(0, len(said)))] if draw(st.booleans()) else said
        said = [*said, *draw(st.lists(_messages(), min_size=1, max_size=3))]
        tools = ({"type": "function", "function": {"name": "f", "description": draw(_texts)}},)
        turns.append(Turn("s", index, tuple(said), tools=tools, params={"user": draw(_texts)}))
    return Session("s", tuple(turns))


def shape(value: Any) -> Any:
    """A value without its text."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict):
        return [shape(inner) for inner in value.values()]
    return [shape(item) for item in value] if isinstance(value, list | tuple) else value


def redacted(session: Session, **given: Any) -> tuple[Session, Session, int]:
    """The session as read, and redacted; and what is found in the redacted one."""
    options = RedactionOptions(salt=b"s", words=("acme", "grün"), hosts=True, **given)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        write_capture([session], source)
        redact_captures([source], out, options)
        found = check_captures([out], options).found
        (before,), (after,) = load_workload(source).sessions, load_workload(out).sessions
        return before, after, found


def calls(session: Session) -> list[str]:
    """Arguments of every call of the last prompt."""
    every = (
        call for message in session.turns[-1].messages for call in message.get("tool_calls", ())
    )
    return [call["function"]["arguments"] for call in every]


@settings(max_examples=60)
@given(_sessions())
def test_redaction_leaves_prefixes_structure_and_sizes(session: Session) -> None:
    before, after, found = redacted(session)
    assert found == 0
    for old, new in zip(before.turns, after.turns, strict=True):
        assert old.keep == new.keep
        assert shape(old.messages) == shape(new.messages)
        assert shape(old.tools) == shape(new.tools)
        for was, now in zip(old.messages, new.messages, strict=True):
            assert len(was["content"]) == len(now["content"])
    for left, right in zip(pairwise(before.turns), pairwise(after.turns), strict=True):
        assert common_prefix(left[0].messages, left[1].messages) == common_prefix(
            right[0].messages, right[1].messages
        )
    for was_text, now_text in zip(calls(before), calls(after), strict=True):
        assert shape(json.loads(was_text)) == shape(json.loads(now_text))
    text = json.dumps([turn.messages for turn in after.turns], ensure_ascii=False).lower()
    assert not any(word in text for word in ("acme", "grün", _BODY.lower(), "s3cret9"))


@settings(max_examples=40)
@given(_sessions())
def test_without_text_prefixes_and_structure_stay(session: Session) -> None:
    before, after, found = redacted(session, text=TextMode.NONE)
    assert found == 0
    for old, new in zip(before.turns, after.turns, strict=True):
        assert old.keep == new.keep
        assert [m["role"] for m in old.messages] == [m["role"] for m in new.messages]
        assert [bool(m["content"]) for m in old.messages] == [
            bool(m["content"]) for m in new.messages
        ]
