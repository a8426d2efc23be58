"""Turns appended to files: what a capture of them reads back as."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.recording.answer import Answer
from autotune.recording.apis import Api
from autotune.recording.exchange import Exchange
from autotune.recording.files import CaptureFiles, Per
from autotune.recording.fingerprint import fingerprint
from autotune.recording.lines import RecordedTurn
from autotune.recording.prompt import Prompt
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Recorded, Session

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
TOOLS = ({"type": "function", "function": {"name": "read", "parameters": {"b": 1, "a": 2}}},)


def turn(
    session_id: str,
    said: int,
    size: int = 1,
    tools: tuple[dict[str, Any], ...] = TOOLS,
    **more: Any,
) -> RecordedTurn:
    """A turn whose prompt has `said` messages of `size` characters."""
    messages = tuple({"role": "user", "content": f"{at}" * size} for at in range(said))
    usage = Recorded(prompt_tokens=10 * said, completion_tokens=3)
    given: dict[str, Any] = {"params": {"temperature": 0}, **more}
    return RecordedTurn(
        session_id=session_id,
        parent=given.get("parent"),
        boundary=given.get("boundary"),
        delay_ms=500.0 if said > 1 else None,
        exchange=Exchange(Api.CHAT, 1000.0 * said, 5.0, 6.5, b""),
        prompt=Prompt(messages, tools, given["params"]),
        fingerprint=fingerprint(messages, tools, lambda: None),
        answer=Answer({"role": "assistant", "content": "ok"}, usage, ttft_s=0.25),
        model="m",
    )


def files_in(folder: Path, per: Per = Per.SESSION, limit_bytes: int = 10**9) -> CaptureFiles:
    made = CaptureFiles(folder, per, limit_bytes, lambda: NOW)
    made.prepare()
    return made


def read(folder: Path) -> dict[str, Session]:
    """The capture, without any damage."""
    workload = load_workload(folder)
    assert workload.damage == ()
    return {session.session_id: session for session in workload.sessions}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    files = files_in(tmp_path / "new" / "folder")
    written = [
        turn("s/1", 1),
        turn("s/1", 3),
        turn("s/1", 3, tools=()),
        turn("s/1", 2, boundary=Boundary.EDIT, params={"temperature": 1}),
        turn("s/1", 4, parent="p"),
    ]
    places = [files.append(each) for each in written]
    assert [place.turn for place in places] == [0, 1, 2, 3, 4]
    session = read(files.folder)["s/1"]
    assert [t.messages for t in session.turns] == [w.prompt.messages for w in written]
    assert [len(t.tools) for t in session.turns] == [1, 1, 0, 1, 1]
    assert [t.params["temperature"] for t in session.turns] == [0, 0, 0, 1, 0]
    assert [t.keep for t in session.turns] == [0, 1, 3, 2, 2]
    assert session.turns[3].boundary is Boundary.EDIT
    first = session.turns[0]
    assert (first.timestamp_ms, first.delay_ms, first.output_tokens) == (1000.0, None, 3)
    assert first.recorded == Recorded(10, None, 3, None, 250.0, 1500.0, "m")
    assert first.response == {"role": "assistant", "content": "ok"}
    assert session.turns[1].delay_ms == 500.0
    assert names(files.folder) == ["20261122T235900Z-s-1.jsonl"]


def test_messages_are_written_once_and_tools_once_a_file(tmp_path: Path) -> None:
    files = files_in(tmp_path, Per.DAY)
    for said in (1, 2, 3):
        files.append(turn("a", said, size=1000))
        files.append(turn("b", said, size=1000))
    text = (tmp_path / "2026-11-22.jsonl").read_text()
    assert text.count("2" * 1000) == 2
    assert text.count('"name":"read"') == 1
    assert len(read(tmp_path)) == 2


def test_only_its_user_may_read_a_capture(tmp_path: Path) -> None:
    files = files_in(tmp_path / "captures")
    path = files.append(turn("s", 1)).path
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_full_is_followed_by_one_that_stands_alone(tmp_path: Path) -> None:
    files = files_in(tmp_path, limit_bytes=9000)
    places = [files.append(turn("s", said, size=1000)) for said in range(1, 9)]
    assert len({place.path for place in places}) == len(names(tmp_path)) == 3
    assert all(path.stat().st_size <= 9000 for path in tmp_path.iterdir())
    for path in tmp_path.iterdir():
        (session,) = load_workload(path).sessions  # each by itself
        assert session.turns[0].index == 0
    sessions = read(tmp_path)
    assert sorted(sessions) == ["s", "s.part2", "s.part3"]
    turns = [t for name in sorted(sessions) for t in sessions[name].turns]
    assert [len(t.messages) for t in turns] == list(range(1, 9))
    assert sessions["s"].turns[0].boundary is None
    assert sessions["s.part2"].turns[0].boundary is Boundary.RESUME


def test_a_day_has_a_file_and_a_session_stays_in_the_one_it_began_in(tmp_path: Path) -> None:
    clock = [NOW]
    files = CaptureFiles(tmp_path, Per.DAY, 10**9, lambda: clock[0])
    files.append(turn("a", 1))
    clock[0] += timedelta(minutes=2)
    assert files.append(turn("a", 2)).path.name == "2026-11-22.jsonl"
    assert files.append(turn("b", 1)).path.name == "2026-11-23.jsonl"


def test_a_full_day_goes_on_in_another_file(tmp_path: Path) -> None:
    files = files_in(tmp_path, Per.DAY, limit_bytes=5000)
    for said in range(1, 5):
        files.append(turn("a", said, size=700))
        files.append(turn("b", said, size=700))
    assert names(tmp_path)[:2] == ["2026-11-22.2.jsonl", "2026-11-22.3.jsonl"]
    turns = [t for session in read(tmp_path).values() for t in session.turns]
    assert len(turns) == 8


def test_files_of_another_run_are_left_alone(tmp_path: Path) -> None:
    for _ in range(2):
        files_in(tmp_path, Per.DAY).append(turn("a", 1))
    assert names(tmp_path) == ["2026-11-22.2.jsonl", "2026-11-22.jsonl"]


def test_a_file_that_was_taken_away_is_followed_by_another(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.append(turn("s", 1)).path.unlink()
    files.append(turn("s", 2))
    (session,) = read(tmp_path).values()
    assert (session.session_id, len(session.turns[0].messages)) == ("s.part2", 2)


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write to"):
        files_in(tmp_path / "file")


@contextmanager
def full_disk(at_bytes: int) -> Iterator[None]:
    """No file may be longer: writes go in part, then not at all, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_line_that_does_not_fit_leaves_no_trace_and_the_next_is_whole(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    path = files.append(turn("s", 1)).path
    size = path.stat().st_size
    with full_disk(size + 100), pytest.raises(OSError) as error:
        files.append(turn("s", 2, size=1000))
    assert error.value.errno == errno.EFBIG
    assert path.stat().st_size == size
    assert files.append(turn("s", 3)).turn == 2
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["turn"], line["keep"]) for line in lines] == [(0, 0), (2, 0)]
    workload = load_workload(tmp_path)
    assert [len(t.messages) for t in workload.sessions[0].turns] == [1, 3]
    assert [d.kind for d in workload.damage] == ["missing-turn"]


@pytest.mark.parametrize("per", list(Per))
def test_a_first_line_that_does_not_fit_leaves_no_file(tmp_path: Path, per: Per) -> None:
    files = files_in(tmp_path, per)
    with full_disk(100), pytest.raises(OSError):
        files.append(turn("s", 1, size=1000))
    assert names(tmp_path) == []
    assert files.append(turn("s", 2)).session_id == "s"
    assert len(read(tmp_path)["s"].turns) == 1


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable[[int, Any], int] = os.write
    monkeypatch.setattr(os, "write", lambda target, data: whole(target, data[:7]))
    files = files_in(tmp_path)
    files.append(turn("s", 2))
    assert len(read(tmp_path)["s"].turns[0].messages) == 2


def test_a_forgotten_session_is_free_to_begin_anew(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.append(turn("s", 1))
    files.forget("s")
    files.forget("s")
    assert files.append(turn("s", 2)).turn == 0
