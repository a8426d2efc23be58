from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.readers.stream_reply import is_stream, joined_reply, stream_chunks


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_of_three_ways_and_nowhere_else(end: str) -> None:
    said = "a\u2028b"
    lines = [": ping", "", "event: x", f'data: {{"a":{end}data:"{said}"}}', "", "data: [DONE]", ""]
    assert list(stream_chunks(end.join(lines))) == [{"a": said}]


def test_a_stream_that_broke_off_gives_what_had_come() -> None:
    text = 'data: {"choices":[{"delta":{"content":"He"}}]}\n\ndata: {"choices":[{"de'
    assert joined_reply(stream_chunks(text)) == {"choices": [{"message": {"content": "He"}}]}


@pytest.mark.parametrize(
    ("text", "stream"),
    [
        ('data: {"a":1}', True),
        ("event: x\ndata: 1", True),
        (": ping\n", True),
        ('{"a":1}', False),
        ("", False),
        ("dataset", False),
    ],
)
def test_streams_are_told_by_how_they_begin(text: str, stream: bool) -> None:
    assert is_stream(text) is stream


def test_calls_are_joined_by_their_index() -> None:
    def piece(index: int, **function: str) -> dict[str, Any]:
        call = {"index": index, "function": function}
        return {"choices": [{"delta": {"tool_calls": [call]}}]}

    chunks = [piece(1, name="b"), piece(0, name="a"), piece(0, arguments="{"), piece(1)]
    body = joined_reply([*chunks, piece(0, arguments="}")])
    calls = body["choices"][0]["message"]["tool_calls"]
    assert [c["function"] for c in calls] == [
        {"name": "a", "arguments": "{}"},
        {"name": "b", "arguments": ""},
    ]


def test_the_second_choice_is_left_out() -> None:
    chunk = {"choices": [{"index": i, "delta": {"content": str(i)}} for i in range(2)]}
    assert joined_reply([chunk])["choices"] == [{"message": {"content": "0"}}]


def test_usage_of_a_message_comes_in_two_parts() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
    end = {"type": "message_delta", "usage": {"output_tokens": 9, "input_tokens": None}}
    assert joined_reply([start, end])["usage"] == {"input_tokens": 5, "output_tokens": 9}


def test_errors_are_kept_and_nothing_is_nothing() -> None:
    assert joined_reply([{"error": {"message": "busy"}}]) == {"error": {"message": "busy"}}
    assert joined_reply([{"type": "error", "error": "x"}])["error"] == "x"
    assert joined_reply([]) == {}


@given(st.text(max_size=60), st.integers(1, 7))
def test_a_text_comes_back_however_it_was_cut(text: str, size: int) -> None:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    chunks = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    stream = "".join(f"data: {json.dumps(c, ensure_ascii=False)}\n\n" for c in chunks)
    found = joined_reply(stream_chunks(stream))
    assert found == ({"choices": [{"message": {"content": text}}]} if text else {})
