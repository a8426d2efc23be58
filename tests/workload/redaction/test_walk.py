from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autotune.workload.model import Fidelity, Recorded, Session, Turn
from autotune.workload.redaction.protocol import ID_KEYS, PROTOCOL_KEYS, PROTOCOL_VALUES
from autotune.workload.redaction.pseudonyms import UnprocessableError
from autotune.workload.redaction.walk import Walker


class Shout:
    """Upper case for every text, brackets for every whole value; remembers the texts of JSON."""

    def __init__(self) -> None:
        self.json: list[str] = []
        self.wholes: list[tuple[str, str]] = []
        self.texts = 0

    def text(self, text: str, *, is_json: bool = False) -> str:
        self.texts += 1
        if is_json:
            self.json.append(text)
        return text if text.isupper() else text.upper()

    def whole(self, value: str, rule: str) -> str:
        self.wholes.append((rule, value))
        return value if value.isdigit() else f"[{value}]"


def walked(session: Session, shout: Shout | None = None, **given: Any) -> Session:
    return Walker(shout or Shout(), **given).session(session, lambda turn: turn)


def turn(*messages: dict[str, Any], **given: Any) -> Turn:
    return Turn("s", 0, messages, **given)


def test_every_text_is_walked_and_the_protocol_is_not() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"a":1}'}}
    message = {"role": "assistant", "content": [{"type": "text", "text": "hi"}], "x-y": "z"}
    shout = Shout()
    changed = walked(Session("s", (turn({**message, "tool_calls": [call]}),), "p"), shout)
    assert changed.session_id == "S"
    assert changed.parent == "P"
    assert changed.turns[0].messages[0] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "HI"}],
        "X-Y": "Z",
        "tool_calls": [
            {"id": "C1", "type": "function", "function": {"name": "BASH", "arguments": '{"A":1}'}}
        ],
    }
    assert shout.json == ['{"a":1}']


def test_everything_of_a_turn() -> None:
    given = turn(
        tools=({"type": "function", "function": {"name": "t"}},),
        params={"model": "m", "metadata": {"user_id": "u1", "account": 12345, "n": 12345}},
        response={"role": "assistant", "content": "r"},
        recorded=Recorded(model="m", prompt_tokens=3),
        fidelity=Fidelity(missing=("x",)),
        origin={"file": "f", "user": "ada"},
        extra={"later": {"password": "pa55word", "note": "n"}},
    )
    shout = Shout()
    (changed,) = walked(Session("s", (given,)), shout).turns
    assert changed.tools[0]["function"]["name"] == "T"
    inner = {"USER_ID": "[u1]", "ACCOUNT": 12345, "N": 12345}
    assert changed.params == {"model": "M", "metadata": inner}
    assert changed.response == {"role": "assistant", "content": "R"}
    assert changed.recorded == Recorded(model="M", prompt_tokens=3)
    assert changed.fidelity.missing == ("X",)
    assert changed.origin == {"file": "F", "user": "[ada]"}
    assert changed.extra == {"LATER": {"PASSWORD": "[pa55word]", "NOTE": "N"}}
    assert shout.wholes == [
        *(("metadata-id", "u1"), ("metadata-id", "12345")),
        *(("metadata-id", "ada"), ("assignment", "pa55word")),
    ]


def test_what_turns_share_is_walked_once_and_stays_shared() -> None:
    first, second = {"role": "user", "content": "a"}, {"role": "user", "content": "b"}
    tools = ({"type": "function", "function": {"name": "t"}},)
    one = turn(first, tools=tools)
    two = replace(turn(first, second, tools=tools), index=1, keep=1)
    shout = Shout()
    changed = walked(Session("s", (one, two)), shout)
    assert changed.turns[0].messages[0] is changed.turns[1].messages[0]
    assert changed.turns[0].tools is changed.turns[1].tools
    assert shout.texts == 1 + 2 + 3  # the session's id, the turns' ids, two messages and a tool


def test_what_does_not_change_is_the_same_object() -> None:
    message = {"role": "user", "content": "A", "N": [1, 2.5, None, True], "M": {"K": "V"}}
    assert walked(Session("S", (turn(message),))).turns[0].messages[0] is message


def test_session_ids_go_as_a_whole_where_asked() -> None:
    changed = walked(Session("s", (turn(),), "p"), session_ids=True)
    assert (changed.session_id, changed.parent, changed.turns[0].session_id) == (
        *("[s]", "[p]", "[s]"),
    )


def test_keys_that_would_become_one_are_refused() -> None:
    with pytest.raises(UnprocessableError, match="two keys"):
        walked(Session("s", (turn({"role": "user", "aa": 1, "AA": 2}),)))


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, {3: "x"}])
def test_what_json_has_not_is_refused(value: Any) -> None:
    with pytest.raises(UnprocessableError, match="JSON has not"):
        walked(Session("s", (turn({"role": "user", "content": value}),)))


def test_the_check_is_told_of_every_changed_message_once() -> None:
    told: list[tuple[Any, Any]] = []
    message = {"role": "user", "content": "a"}
    turns = (turn(message), replace(turn(message), index=1))
    walked(Session("s", turns), check=lambda before, after: told.append((before, after)))
    assert told == [(message, {"role": "user", "content": "A"})]


def test_words_of_protocols_are_told_apart() -> None:
    assert "tool" in PROTOCOL_VALUES["role"]
    assert {"role", "content", "arguments"} <= PROTOCOL_KEYS
    assert "user_id" in ID_KEYS
