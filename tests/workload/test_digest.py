from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.digest import session_key, workload_digest
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Recorded, Session, Turn
from autotune.workload.writer import write_capture


def digest(*sessions: Session) -> str:
    return workload_digest(session_key(session) for session in sessions)


def changed(session: Session, index: int, **fields: Any) -> Session:
    turns = list(session.turns)
    turns[index] = replace(turns[index], **fields)
    return replace(session, turns=tuple(turns))


def test_storage_does_not_show(fixtures: Path, tmp_path: Path) -> None:
    original = load_workload(fixtures)
    for name in ("b.jsonl", "c.jsonl.gz", "d.jsonl.zst", "folder"):
        write_capture(reversed(original.sessions), tmp_path / name)
        assert load_workload(tmp_path / name).digest == original.digest


def test_key_order_outside_prompts_does_not_show(fixtures: Path, tmp_path: Path) -> None:
    source = fixtures / "capture-small.jsonl"
    lines = [json.loads(line) for line in source.read_text().splitlines()]
    turned = [json.dumps(dict(reversed(line.items()))) for line in lines]
    (tmp_path / "x.jsonl").write_text("\r\n".join(turned))
    assert load_workload(tmp_path / "x.jsonl").digest == load_workload(source).digest


def test_order_of_params_does_not_show(make_session: Callable[..., Session]) -> None:
    one = make_session("a", [1], params={"x": 1, "y": 2})
    assert digest(one) == digest(make_session("a", [1], params={"y": 2, "x": 1}))


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": ({"role": "user", "content": "Task of a!"},)},
        {"messages": ({"content": "Task of a", "role": "user"},)},
        {"tools": ({"name": "read"},)},
        {"output_tokens": 11},
        {"output_tokens": None},
        {"params": {"temperature": 0}},
        {"delay_ms": 7.0},
    ],
)
def test_what_is_replayed_shows(
    make_session: Callable[..., Session], fields: dict[str, Any]
) -> None:
    session = make_session("a", [1, 2])
    assert digest(changed(session, 0, **fields)) != digest(session)


@pytest.mark.parametrize(
    "fields",
    [
        {"recorded": Recorded(ttft_ms=4.0)},
        {"origin": {"file": "x"}},
        {"response": {"role": "assistant", "content": "x"}},
        {"boundary": Boundary.EDIT},
        {"extra": {"x": 1}},
    ],
)
def test_what_was_recorded_does_not(
    make_session: Callable[..., Session], fields: dict[str, Any]
) -> None:
    session = make_session("a", [1, 2])
    assert digest(changed(session, 1, **fields)) == digest(session)


def test_the_order_of_turns_shows(make_session: Callable[..., Session]) -> None:
    session = make_session("a", [1, 2])
    turned = replace(session, turns=tuple(reversed(session.turns)))
    assert digest(turned) != digest(session)


def test_the_order_in_time_shows_and_the_day_does_not(
    make_session: Callable[..., Session],
) -> None:
    def at(name: str, start_ms: float) -> Session:
        return make_session(name, [1], timestamp_ms=start_ms)

    assert digest(at("a", 0.0), at("b", 5.0)) == digest(at("b", 1005.0), at("a", 1000.0))
    assert digest(at("a", 0.0), at("b", 5.0)) != digest(at("a", 5.0), at("b", 0.0))


def test_a_session_more_shows(make_session: Callable[..., Session]) -> None:
    one, other = make_session("a", [1]), make_session("b", [1])
    assert len({digest(), digest(one), digest(other), digest(one, other)}) == 4


def test_sessions_without_times_have_a_digest() -> None:
    session = Session("a", (Turn("a", 0, ({"role": "user", "content": "x"},)),))
    assert digest(session) == digest(session)
    assert session_key(session).start_ms == float("inf")
