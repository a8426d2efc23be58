"""What is written is there; what was cut short never was."""

from __future__ import annotations

import errno
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nightly_site import unsynced

from autotune.errors import MachineError
from autotune.nightly.journal import Journal, Line, open_steps

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "journal.jsonl", now=lambda: NOON)


def test_a_step_is_open_until_it_ends(journal: Journal) -> None:
    swap = journal.begin("swap", was=6, to=7)
    journal.append("hook-started", of=swap.number, pid=41)
    assert journal.open_steps() == (swap,)
    assert [line.get("pid") for line in journal.of(swap, "hook-started")] == [41]
    journal.end(swap, outcome="confirmed")
    assert journal.open_steps() == ()
    assert [(line.number, line.kind, line.phase, line.of) for line in journal.lines()] == [
        (1, "swap", "begin", None),
        (2, "hook-started", "note", 1),
        (3, "swap", "end", 1),
    ]


def test_what_is_read_is_what_was_written(journal: Journal) -> None:
    said = 'a "quoted"\nline, é'
    line = journal.append("note", said=said, nothing=None, share=0.25)
    assert journal.lines() == (line,)
    assert journal.path.read_text(encoding="utf-8").count("\n") == 1


def test_a_field_may_not_hide_the_journals_own(journal: Journal) -> None:
    with pytest.raises(ValueError, match="phase"):
        journal.append("note", phase="end")


def test_a_line_that_was_cut_short_makes_way_for_the_next(journal: Journal) -> None:
    journal.append("one")
    with journal.path.open("ab") as handle:
        handle.write(b'{"n": 2, "at": "2026-11-2')
    assert [line.kind for line in journal.lines()] == ["one"]
    journal.append("two")
    assert [(line.number, line.kind) for line in journal.lines()] == [(1, "one"), (2, "two")]


def test_a_whole_line_that_cannot_be_read_is_an_error_that_names_it(journal: Journal) -> None:
    journal.append("one")
    with journal.path.open("ab") as handle:
        handle.write(b"scribbled\n")
    with pytest.raises(MachineError, match="line 2") as caught:
        journal.lines()
    assert "move it away" in caught.value.hint


def test_a_full_disk_leaves_the_journal_as_it_was(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append("one")
    before = journal.path.read_bytes()
    write = os.write
    calls: list[int] = []

    def full(handle: int, data: Any) -> int:
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, bytes(data)[:5])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="the disk is full"):
        journal.append("two")
    monkeypatch.undo()
    assert journal.path.read_bytes() == before


def test_old_lines_go_once_nothing_is_open(journal: Journal) -> None:
    step = journal.begin("swap")
    for _ in range(4):
        journal.append("note")
    assert journal.compact(keep=2) == 0
    journal.end(step)
    assert journal.compact(keep=2) == 4
    assert [line.number for line in journal.lines()] == [5, 6]
    assert journal.append("note").number == 7


KINDS = st.sampled_from(["pause", "hook", "promotion"])
ACTS = st.lists(st.tuples(KINDS, st.sampled_from(["begin", "end", "note"]), st.text(max_size=8)))


def written(path: Path, acts: list[tuple[str, str, str]]) -> list[Line]:
    """The acts in a journal; a step's end where it has one that is open, else a note."""
    journal = Journal(path, now=lambda: NOON)
    for kind, phase, said in acts:
        steps = [step for step in journal.open_steps() if step.kind == kind]
        if phase == "begin":
            journal.begin(kind, said=said)
        elif phase == "end" and steps:
            journal.end(steps[-1], said=said)
        else:
            journal.append(kind, said=said)
    return list(journal.lines())


@settings(max_examples=50)
@given(acts=ACTS, data=st.data())
def test_a_journal_cut_at_any_byte_is_a_journal_of_its_first_lines(
    acts: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    with unsynced(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        lines = written(path, acts)
        whole = path.read_bytes() if path.exists() else b""
        at = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:at])
        kept = lines[: whole[:at].count(b"\n")]

        journal = Journal(path, now=lambda: NOON)
        assert list(journal.lines()) == kept
        assert journal.open_steps() == open_steps(tuple(kept))

        added = journal.append("after")
        assert list(journal.lines()) == [*kept, added]
        assert added.number == len(kept) + 1
