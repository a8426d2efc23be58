"""What counts as a sound call, and what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.scoring.quality import CallOutcome
from autotune.trial.tool_calls import ParsedCall, is_sound, outcome, parse_call, required_keys

TOOLS: tuple[dict[str, Any], ...] = (
    {"type": "function", "function": {"name": "read_file", "parameters": {
        "type": "object", "properties": {"path": {}, "limit": {}}, "required": ["path"]}}},
    {"type": "function", "function": {"name": "list", "parameters": {}}},
)  # fmt: skip

READ = '{"name": "read_file", "arguments": {"path": "a.py"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (READ + "\n</tool_call>", ParsedCall("read_file", frozenset({"path"}))),
        ('{"name": "x", "arguments": "{\\"a\\": 1}"}', ParsedCall("x", frozenset({"a"}))),
        ('{"path": "a", "limit": 3} trailing', ParsedCall(None, frozenset({"path", "limit"}))),
        ('{"name": "read_file", "arguments": {"path": "a.py"}', None),
        ('{"name": "x", "arguments": "{broken"}', None),
        ("[1, 2]", None),
        ("certainly!", None),
    ],
)
def test_a_call_is_the_json_object_at_the_beginning(text: str, expected: object) -> None:
    assert parse_call(text) == expected


def test_a_sound_call_names_a_defined_tool_and_has_its_keys() -> None:
    assert required_keys(TOOLS, "read_file") == {"path"}
    assert required_keys(TOOLS, "list") == frozenset()
    assert required_keys(TOOLS, "rm") is None
    assert is_sound(parse_call(READ), "read_file", TOOLS)
    assert not is_sound(parse_call('{"name": "rm", "arguments": {}}'), "read_file", TOOLS)
    assert not is_sound(parse_call('{"limit": 3}'), "read_file", TOOLS)
    assert is_sound(parse_call('{"limit": 3}'), "anything", ())
    assert not is_sound(None, "read_file", ())


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ('{"name": "read_file", "arguments": {"path": "b.py", "limit": 2}}', CallOutcome.KEPT),
        ('{"name": "list", "arguments": {}}', CallOutcome.RENAMED),
        ('{"name": "read_file", "arguments": {"limit": 2}}', CallOutcome.KEYS_LOST),
        ('{"name": "read_file", "arguments": {"path": "b.py}', CallOutcome.BROKEN),
    ],
)
def test_what_became_of_a_call(after: str, expected: CallOutcome) -> None:
    assert outcome(READ, after, "read_file", TOOLS) is expected


def test_a_call_that_was_not_sound_before_is_not_counted() -> None:
    assert outcome("no call", READ, "read_file", TOOLS) is None
    assert outcome('{"name": "rm", "arguments": {}}', READ, "read_file", TOOLS) is None
