"""Agents' own documents, broken: sessions that can be written and read again, or counted damage.

Every key of the fixtures gets values of every other type; bytes are cut off and flipped.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.workload.damage import DamageLedger
from autotune.workload.depth import session_depths
from autotune.workload.lines import CaptureFile
from autotune.workload.load import workload_of
from autotune.workload.model import Session
from autotune.workload.readers import READERS
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
READ_BY = {
    "atif-small.json": "atif",
    "atif-bare-small.json": "atif",
    "swe-agent-small.traj": "swe-agent",
    "swe-agent-history-small.traj": "swe-agent",
    "mini-swe-agent-small.traj.json": "mini-swe-agent",
    "mini-swe-agent-bare-small.traj.json": "mini-swe-agent",
    "openhands-small.jsonl": "openhands",
    "opencode-small.json": "opencode",
    "opencode-run-small.jsonl": "opencode",
    "otel-small.jsonl": "otel",
}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**70, 1e300, 0.5, "", "x", "agent", "assistant", "\ud800"),
    *([], {}, [None], [[]], [{}], {"a": None}, {"": []}, {"type": "text"}, [1, "x"]),
)
DEEP: Any = json.loads("[" * 400 + "]" * 400)
"""More than the writer could write, less than the parser would refuse."""

_LIMITS = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def sessions_of(name: str, data: bytes, *, through: bool = True) -> list[Session]:
    """What the format's reader makes of `data`; `through` a capture and back it is the same."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / name
        path.write_bytes(data)
        sessions = list(READERS[READ_BY[name]].read(CaptureFile(path, name), DamageLedger()))
        for session in sessions:
            assert session.turns
            assert len(session_depths(session)) == len(session.turns)
        workload_of(sessions)
        if through and sessions and len({s.session_id for s in sessions}) == len(sessions):
            assert written_and_read(Path(made) / "out.jsonl", sessions) == sessions
        return sessions


def written_and_read(path: Path, sessions: list[Session]) -> list[Session]:
    write_capture(sessions, path)
    ledger = DamageLedger()
    back = list(Capture1Reader().read(CaptureFile(path, path.name), ledger))
    assert ledger.entries() == ()
    return back


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a document stands."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """`value` with `new` where `path` leads."""
    if not path:
        return new
    if isinstance(value, dict):
        return {k: with_value(v, path[1:], new) if k == path[0] else v for k, v in value.items()}
    return [with_value(v, path[1:], new) if i == path[0] else v for i, v in enumerate(value)]


def documents(name: str) -> list[Any]:
    """The documents of a fixture: its lines, or the one that it is."""
    text = (FIXTURES / name).read_text()
    return (
        [json.loads(line) for line in text.splitlines()]
        if name.endswith("l")
        else [json.loads(text)]
    )


@pytest.mark.parametrize("name", list(READ_BY))
def test_the_fixtures_go_through_capture_1(name: str) -> None:
    assert sessions_of(name, (FIXTURES / name).read_bytes())


@pytest.mark.parametrize("name", list(READ_BY))
def test_a_value_of_another_type_at_every_key(name: str) -> None:
    for number, document in enumerate(documents(name)):
        for turn, path in enumerate(places(document)):
            odd = ODD[(turn + number) % len(ODD)]
            whole = documents(name)
            whole[number] = with_value(document, path, odd)
            content = "\n".join(map(json.dumps, whole)).encode()
            sessions_of(name, content, through=turn % 5 == 0)


@pytest.mark.parametrize("name", list(READ_BY))
def test_deep_values(name: str) -> None:
    for number, document in enumerate(documents(name)):
        for path in list(places(document))[number % 5 :: 5]:
            whole = documents(name)
            whole[number] = with_value(document, path, DEEP)
            sessions_of(name, "\n".join(map(json.dumps, whole)).encode())


@pytest.mark.parametrize("name", list(READ_BY))
@given(data=st.data())
@_LIMITS
def test_several_values_of_any_kind(name: str, data: st.DataObject) -> None:
    whole = documents(name)
    for _ in range(data.draw(st.integers(1, 6))):
        number = data.draw(st.integers(0, len(whole) - 1))
        path = data.draw(st.sampled_from(list(places(whole[number]))))
        whole[number] = with_value(whole[number], path, data.draw(st.sampled_from(ODD)))
    sessions_of(name, "\n".join(map(json.dumps, whole)).encode())


@pytest.mark.parametrize("name", list(READ_BY))
@given(data=st.data())
@_LIMITS
def test_bytes_cut_off_and_flipped(name: str, data: st.DataObject) -> None:
    content = bytearray((FIXTURES / name).read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    end = data.draw(st.integers(0, len(content)))
    sessions_of(name, bytes(content[:end]) if data.draw(st.booleans()) else bytes(content))
