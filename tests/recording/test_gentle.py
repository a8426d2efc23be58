from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.recording.gentle import STEP_CHARS, load_object

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), st.sampled_from([None, 1]))
def test_it_reads_what_json_loads_reads(value: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found = load_object(f" {text}\n", lambda: None)
    assert json.dumps(found) == json.dumps(value)


def test_a_repeated_key_has_its_last_value() -> None:
    assert load_object('{"a": [1], "a": {"b": [2, 3]}}', lambda: None) == {"a": {"b": [2, 3]}}


BROKEN = """
{
{"a"
{"a":
{"a": 1,}
{"a": [1, ]}
{"a": [1}
[]
1
{"a": NaN}
{"a": 1} x
{1: 2}
{"a" 1}
{"a": 1 "b": 2}
{"a": [1 2]}
{,}
{"a": "\t"}
"""


@pytest.mark.parametrize("text", BROKEN.split("\n"))
def test_what_is_no_object_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        load_object(text, lambda: None)


def test_it_rests_between_the_messages_of_a_deep_prompt() -> None:
    rests: list[None] = []
    messages = [{"role": "user", "content": "x" * (STEP_CHARS // 2)} for _ in range(20)]
    body = {"messages": messages, "model": "m"}
    assert load_object(json.dumps(body), lambda: rests.append(None)) == body
    assert len(rests) >= 9
