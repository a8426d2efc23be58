"""GenAI spans: what fits is said in full, what does not is left out and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.workload.formats.otel import NOT_PARTS, OTEL, otel_message, span
from autotune.workload.model import Session, Turn


def attributes(made: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in made["attributes"]}


def test_messages_as_parts(sessions: list[Session]) -> None:
    _, _, said, result = sessions[0].turns[1].messages
    assert otel_message(said) == {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Look."},
            {"type": "text", "content": "Yes."},
            {"type": "tool_call", "id": "c1", "name": "read", "arguments": '{"b": 1,"a":2}'},
        ],
    }
    told = otel_message(result)
    assert told is not None
    assert told["parts"][0]["type"] == "tool_call_response"
    assert otel_message({"role": "user", "content": ""}) == {
        "role": "user",
        "parts": [{"type": "text", "content": ""}],
    }


CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": "x", "name": "bob"},
        {"role": "developer", "content": "x"},
        {"role": "tool", "content": "x"},
        {"role": "tool", "tool_call_id": "c", "content": None},
        {"role": "assistant", "reasoning_content": {}},
        {"role": "assistant", "tool_calls": "x"},
        {"role": "assistant", "tool_calls": [None]},
        {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]},
        {"role": "assistant", "tool_calls": [{**CALL, "extra": 1}]},
        {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "n"}}]},
        {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "n", "arguments": {}}}]},
    ],
)
def test_what_parts_cannot_say(message: dict[str, Any], tmp_path: Path) -> None:
    assert otel_message(message) is None
    turns = (Turn("s", 0, ({"role": "user", "content": "x"},)), Turn("s", 1, (message,)))
    written = OTEL.write([Session("s", turns)], tmp_path / "x.jsonl", b"")
    assert (written.sessions, written.turns, written.left_out) == (1, 1, {NOT_PARTS: 1})


def test_a_span_says_what_was_measured(sessions: list[Session]) -> None:
    made = span(sessions[0], sessions[0].turns[0])
    assert made is not None
    assert (made["name"], made["kind"], made["status"]) == ("chat model-a", 3, {})
    assert int(made["endTimeUnixNano"]) - int(made["startTimeUnixNano"]) == 900_000_000
    told = attributes(made)
    assert told["gen_ai.conversation.id"] == "agent a/b"
    assert told["gen_ai.usage.input_tokens"] == "700"
    assert told["gen_ai.usage.cache_read.input_tokens"] == "0"
    assert told["gen_ai.response.time_to_first_chunk"] == 0.25
    assert told["gen_ai.request.temperature"] == 0.5
    assert json.loads(told["gen_ai.tool.definitions"]) == list(sessions[0].turns[0].tools)
    assert json.loads(told["gen_ai.output.messages"])[0]["role"] == "assistant"


def test_a_failed_call_is_an_error_without_its_words(sessions: list[Session]) -> None:
    made = span(sessions[0], sessions[0].turns[1])
    assert made is not None
    assert made["status"] == {"code": 2}
    assert made["endTimeUnixNano"] == "0"
    assert "/home" not in json.dumps(made)


def test_ids_are_those_of_the_turn(sessions: list[Session]) -> None:
    spans = [span(sessions[0], turn) for turn in sessions[0].turns]
    assert len({made["traceId"] for made in spans if made}) == 1
    assert len({made["spanId"] for made in spans if made}) == 3
    assert all(len(made["traceId"]) == 32 and len(made["spanId"]) == 16 for made in spans if made)


def test_nothing_that_fits_is_no_file(tmp_path: Path) -> None:
    turn = Turn("s", 0, ({"role": "developer", "content": "x"},))
    with pytest.raises(UserError, match="no turn fits"):
        OTEL.write([Session("s", (turn,))], tmp_path / "x.jsonl", b"")
    assert list(tmp_path.iterdir()) == []
