from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.workload.load import CaptureStream, load_workload, workload_of
from autotune.workload.model import Session
from autotune.workload.writer import write_capture


@pytest.fixture
def folder(fixtures: Path, tmp_path: Path) -> Path:
    """Two captures of two formats in a folder of their own."""
    for name in ("capture-small.jsonl", "fizeau-small.jsonl"):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(fixtures / name, tmp_path / "in" / name)
    return tmp_path / "in"


def test_a_folder_is_one_workload(folder: Path) -> None:
    workload = load_workload(folder)
    assert workload.formats == ("capture/1", "fizeau")
    assert [session.session_id for session in workload.sessions] == ["alpha", "beta", "s-42"]
    assert len(workload.turns) == 3 + 1 + 5
    assert workload.digest.startswith("sha256:")
    assert [d.kind for d in workload.damage] == ["unanswered-request"]


def test_several_paths(fixtures: Path, folder: Path) -> None:
    both = load_workload([fixtures / "fizeau-small.jsonl", fixtures / "capture-small.jsonl"])
    assert both.digest == load_workload(folder).digest


def test_sessions_come_in_the_order_they_started(
    tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    late = make_session("a-late", [5], timestamp_ms=9000.0)
    early = make_session("z-early", [5], timestamp_ms=10.0)
    timeless = make_session("b-timeless", [5], timestamp_ms=None)
    write_capture([late, timeless, early], tmp_path / "a.jsonl")
    names = [session.session_id for session in load_workload(tmp_path).sessions]
    assert names == ["z-early", "a-late", "b-timeless"]


def test_the_same_session_twice_is_read_once(fixtures: Path, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        shutil.copy(fixtures / "capture-small.jsonl", tmp_path / name)
    workload = load_workload(tmp_path)
    assert [session.session_id for session in workload.sessions] == ["alpha", "beta"]
    assert workload.digest == load_workload(fixtures / "capture-small.jsonl").digest
    assert [(d.kind, d.count, d.harmless) for d in workload.damage] == [
        ("duplicate-session", 2, True)
    ]


def test_two_sessions_of_one_name_are_told_apart(
    tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    one = make_session("same", [5, 6])
    other = replace(one, turns=one.turns[:1])
    for name, session in (("a", one), ("b", other), ("c", other)):
        write_capture([session], tmp_path / f"{name}.jsonl")
    workload = load_workload(tmp_path)
    first, second = sorted(session.session_id for session in workload.sessions)
    assert first == "same"
    assert second.startswith("same~")
    assert {turn.session_id for turn in workload.turns} == {first, second}
    assert [d.kind for d in workload.damage] == ["shared-session-id", "duplicate-session"]


@pytest.mark.parametrize("content", [None, '{"schema":"capture/1"}\n'])
def test_nothing_readable_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(UserError, match="nothing could be read") as caught:
        load_workload(tmp_path)
    assert "autotune captures formats" in caught.value.hint
    assert ("wrong-schema x 1" in caught.value.message) is bool(content)


def test_a_stream_holds_one_session_at_a_time(fixtures: Path) -> None:
    stream = iter(CaptureStream(fixtures / "capture-small.jsonl"))
    assert next(stream).session.session_id == "beta"
    stream.close()  # type: ignore[attr-defined]


def test_a_workload_of_sessions(make_session: Callable[..., Session], fixtures: Path) -> None:
    sessions = [make_session("b", [2], timestamp_ms=5.0), make_session("a", [1], timestamp_ms=9.0)]
    workload = workload_of(sessions, ("made",))
    assert [s.session_id for s in workload.sessions] == ["b", "a"]
    assert workload.formats == ("made",)
    like = load_workload(fixtures)
    assert workload_of(sessions, like=like).formats == like.formats
    assert workload_of(sessions, like=like).digest == workload.digest
