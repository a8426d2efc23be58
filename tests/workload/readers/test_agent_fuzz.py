"""Any value at any place of an agent's log: sessions come out, or nothing; never an exception."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.workload.capture_schema import tools_ref
from autotune.workload.damage import DamageLedger
from autotune.workload.depth import session_depths
from autotune.workload.digest import session_key
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Session
from autotune.workload.readers.base import Reader
from autotune.workload.readers.codex import CodexReader
from autotune.workload.readers.gemini_cli import GeminiCliReader
from autotune.workload.readers.openai_responses import OpenAIResponsesReader
from autotune.workload.readers.pi import PiReader
from autotune.workload.readers.qwen_code import QwenCodeReader

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES: list[tuple[Reader, str]] = [
    (CodexReader(), "codex-small.jsonl"),
    (CodexReader(), "codex-fork-small.jsonl"),
    (CodexReader(), "codex-bare-small.jsonl"),
    (PiReader(), "pi-small.jsonl"),
    (PiReader(), "pi-v1-small.jsonl"),
    (QwenCodeReader(), "qwen-small.jsonl"),
    (GeminiCliReader(), "gemini-lines-small.jsonl"),
    (GeminiCliReader(), "gemini-small.json"),
    (OpenAIResponsesReader(), "responses-small.jsonl"),
]
_DEEP: Any = json.loads('{"a":' * 150 + "[]" + "}" * 150)
ODDS: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**70, 0.5, float("inf"), "", "x", "\ud800", [], {}, [None], {"": {}}),
    *(["user"], {"type": ["message"]}, [{"text": 1}], [[]], _DEEP),
    *("2026-13-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
)
ODD = st.sampled_from(ODDS)


def read(reader: Reader, path: Path) -> list[Session]:
    """What is read, checked for what everything after a reader relies on."""
    found = list(reader.read(CaptureFile(path, path.name), DamageLedger()))
    for session in found:
        assert {turn.session_id for turn in session.turns} == {session.session_id}
        assert [turn.index for turn in session.turns] == list(range(len(session.turns)))
        session_key(session)
        session_depths(session)
        for turn in session.turns:
            assert all(isinstance(message["role"], str) for message in turn.messages)
            assert turn.keep <= len(turn.messages)
            tools_ref([dict(tool) for tool in turn.tools])
            json.dumps([turn.origin, turn.response, dict(turn.params)])
    return found


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*way, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*way, key))


def load(name: str) -> list[Any]:
    text = (FIXTURES / name).read_text()
    return (
        [json.loads(text)] if name.endswith(".json") else list(map(json.loads, text.splitlines()))
    )


def put(value: Any, way: tuple[Any, ...], odd: Any) -> None:
    for key in way[:-1]:
        value = value[key]
    value[way[-1]] = deepcopy(odd)


def store(folder: Path, name: str, lines: list[Any]) -> Path:
    path = folder / name
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_text(text.replace("Infinity", "1e999"))  # how an endless number comes in
    return path


SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(("reader", "name"), CASES, ids=[name for _, name in CASES])
@SLOW
@given(data=st.data())
def test_some_odd_values(reader: Reader, name: str, tmp_path: Path, data: st.DataObject) -> None:
    lines = load(name)
    ways = list(places(lines))
    for _ in range(data.draw(st.integers(1, 4))):
        way = data.draw(st.sampled_from(ways))
        try:
            put(lines, way, data.draw(ODD))
        except (KeyError, TypeError, IndexError):
            continue  # an odd value took the place of what was above
    read(reader, store(tmp_path, name, lines))


@pytest.mark.parametrize(("reader", "name"), CASES, ids=[name for _, name in CASES])
def test_each_odd_value_at_each_place(reader: Reader, name: str, tmp_path: Path) -> None:
    odd: list[Any] = [None, 7, "x", [], {}, [7]]
    for place, way in enumerate(places(load(name))):
        lines = load(name)
        put(lines, way, odd[place % len(odd)])
        read(reader, store(tmp_path, name, lines))


@pytest.mark.parametrize(("reader", "name"), CASES, ids=[name for _, name in CASES])
def test_lines_taken_away_doubled_and_turned_round(
    reader: Reader, name: str, tmp_path: Path
) -> None:
    lines = load(name)
    whole = len(read(reader, store(tmp_path, name, lines)))
    assert whole > 0
    read(reader, store(tmp_path, name, lines[::-1]))
    read(reader, store(tmp_path, name, [line for line in lines for _ in range(2)]))
    for place in range(len(lines)):
        read(reader, store(tmp_path, name, lines[:place] + lines[place + 1 :]))


@pytest.mark.parametrize(("reader", "name"), CASES, ids=[name for _, name in CASES])
@SLOW
@given(cut=st.integers(0, 10_000), flips=st.lists(st.integers(0, 80_000), max_size=6))
def test_truncated_and_flipped(
    reader: Reader, name: str, tmp_path: Path, cut: int, flips: list[int]
) -> None:
    data = bytearray((FIXTURES / name).read_bytes())
    for flip in flips:
        data[flip // 8 % len(data)] ^= 1 << flip % 8
    (tmp_path / name).write_bytes(data[: len(data) - cut % len(data)])
    read(reader, tmp_path / name)


def test_many_branches_take_no_time(tmp_path: Path) -> None:
    def entry(at: int, parent: int | None) -> dict[str, Any]:
        message = {"role": "user" if at % 2 else "assistant", "content": "x"}
        above = None if parent is None else f"e{parent}"
        base = {"type": "message", "id": f"e{at}", "parentId": above, "timestamp": ""}
        return {**base, "message": message}

    lines = [entry(0, None), *(entry(at, (at - 1) // 2) for at in range(1, 3000))]
    (session,) = read(PiReader(), store(tmp_path, "x.jsonl", lines))
    assert max(len(turn.messages) for turn in session.turns) < 15
