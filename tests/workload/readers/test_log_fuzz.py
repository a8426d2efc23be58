"""Request logs with one value of a wrong type at any place, cut off, or with bits turned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.workload.damage import DamageLedger
from autotune.workload.detect import detect
from autotune.workload.inspect import inspect_captures
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Session
from autotune.workload.readers import READERS
from autotune.workload.readers.base import Reader
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
FORMATS = {
    "openai-pairs-small.jsonl": "openai-chat",
    "openai-bodies-small.jsonl": "openai-chat",
    "openai-batch-small.jsonl": "openai-chat",
    "sharegpt-small.jsonl": "openai-chat",
    "multi-turn-small.json": "openai-chat",
    "agentperf-small.jsonl": "agentperf",
    "aiperf-inputs-small.json": "aiperf-inputs",
    "aiperf-trace-small.jsonl": "aiperf-trace",
    "har-small.har": "har",
    "litellm-small.jsonl": "litellm",
    "litellm-spend-small.json": "litellm",
}
ENDLESS = "1e999"
"""Stands for that number, which is JSON and too large for a float."""
DEEP = json.loads("[" * 300 + "]" * 300)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**70, 10**400, 0.5, ENDLESS, "", "x", "\ud800", "{}", "[1"),
    *([], {}, [None], {"": {}}, [[[]]], {"role": []}, [{"role": "user"}], DEEP),
)
quick = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@cache
def parsed(name: str) -> list[Any]:
    text = (FIXTURES / name).read_text()
    texts = text.splitlines() if name.endswith(".jsonl") else [text]
    return [json.loads(one) for one in texts]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a JSON value stands, itself at the empty path."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], odd)
    return copy


def survives(reader: Reader, path: Path) -> None:
    """Reading never raises, and what was read can be written and inspected."""
    sessions = list(reader.read(CaptureFile(path, path.name), DamageLedger()))
    assert all(isinstance(session, Session) and session.turns for session in sessions)
    if sessions:
        write_capture(sessions, path.with_suffix(".out.jsonl"), force=True)
        inspect_captures(path.with_suffix(".out.jsonl"))


def write_values(path: Path, values: list[Any]) -> None:
    text = "".join(f"{json.dumps(value)}\n" for value in values)
    path.write_text(text.replace(f'"{ENDLESS}"', ENDLESS))


@pytest.mark.parametrize("name", FORMATS)
def test_each_is_told_by_what_it_holds(name: str) -> None:
    reader = detect(CaptureFile(FIXTURES / name, name))
    assert reader is not None
    assert reader.name == FORMATS[name]


@pytest.mark.parametrize("name", FORMATS)
@quick
@given(data=st.data())
def test_any_value_may_stand_anywhere(name: str, data: st.DataObject, tmp_path: Path) -> None:
    values = parsed(name)
    line = data.draw(st.integers(0, len(values) - 1))
    path = data.draw(st.sampled_from(list(places(values[line]))))
    odd = data.draw(st.sampled_from(ODD))
    changed = [*values[:line], replaced(values[line], path, odd), *values[line + 1 :]]
    write_values(tmp_path / name, changed)
    survives(READERS[FORMATS[name]], tmp_path / name)


@pytest.mark.parametrize("name", FORMATS)
@quick
@given(data=st.data())
def test_cut_off_or_with_bits_turned(name: str, data: st.DataObject, tmp_path: Path) -> None:
    whole = (FIXTURES / name).read_bytes()
    broken = bytearray(whole[: data.draw(st.integers(0, len(whole)))] or b"{")
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), max_size=6)):
        broken[place] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / name).write_bytes(broken)
    survives(READERS[FORMATS[name]], tmp_path / name)


KEYS = (
    *("messages", "role", "content", "request", "response", "conversations", "payload", "data"),
    *("payloads", "log", "entries", "tools", "choices", "usage", "call_type", "model", "metadata"),
    *("conversation_id", "conversation_idx", "session_id", "text_input"),
)
JSON = st.recursive(
    st.sampled_from(ODD[:12]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", sorted(set(FORMATS.values())))
@quick
@given(values=st.lists(JSON, min_size=1, max_size=4))
def test_any_json_at_all(name: str, values: list[Any], tmp_path: Path) -> None:
    write_values(tmp_path / "x.jsonl", values)
    survives(READERS[name], tmp_path / "x.jsonl")
