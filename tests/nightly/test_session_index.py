"""What a folder of captures holds, read once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.nightly.session_index import digest_of, facts_from, facts_json, indexed, signature_of
from autotune.workload.load import load_workload
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPEC = SynthesisSpec(sessions=2, turns=3, start_depth=800, depth=1200, reply_tokens=16, subagents=1)


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Two sessions and a sub-agent, in one file that was written in 2023."""
    folder = tmp_path / "captures"
    path = folder / "a.jsonl"
    write_capture(synthesize(SPEC), path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def test_sessions_are_told_as_a_workload_has_them(captures: Path, tmp_path: Path) -> None:
    found = indexed(captures, tmp_path / "index.json")
    workload = load_workload(captures)
    assert {fact.session_id for fact in found} == {s.session_id for s in workload.sessions}
    assert digest_of(found) == workload.digest
    parents = {s.session_id: s.parent for s in workload.sessions}
    assert {f.root for f in found if parents[f.session_id]} == {
        parent for parent in parents.values() if parent
    }
    assert max(fact.deepest for fact in found) >= 1000


def test_without_a_clock_the_files_own_time_counts(captures: Path, tmp_path: Path) -> None:
    assert {fact.at_s for fact in indexed(captures, tmp_path / "i.json")} == {1_700_000_000.0}


def test_stamps_since_1970_say_when_a_session_ended(tmp_path: Path) -> None:
    ended = 1_760_000_000_000.0
    (session, *_) = synthesize(SPEC)
    stamped = replace(
        session, turns=tuple(replace(turn, timestamp_ms=ended) for turn in session.turns)
    )
    write_capture([stamped], tmp_path / "c.jsonl")
    (fact,) = indexed(tmp_path / "c.jsonl", tmp_path / "index.json")
    assert (fact.at_s, fact.start_ms) == (1_760_000_000.0, ended)


def test_it_is_read_again_only_when_a_file_changed(captures: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    first = indexed(captures, index)
    stamp = index.stat().st_mtime_ns
    assert indexed(captures, index) == first
    assert index.stat().st_mtime_ns == stamp
    more = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16, seed=7)
    write_capture(synthesize(more), captures / "b.jsonl")
    assert len(indexed(captures, index)) == len(first) + 1


def test_a_damaged_index_is_made_again(captures: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    first = indexed(captures, index)
    index.write_text("{")
    assert indexed(captures, index) == first


def test_a_signature_knows_names_sizes_and_times(captures: Path) -> None:
    path = captures / "a.jsonl"
    before = signature_of(captures)
    os.utime(path, (1_700_000_001, 1_700_000_001))
    touched = signature_of(captures)
    path.rename(captures / "c.jsonl")
    assert len({before, touched, signature_of(captures)}) == 3
    assert signature_of(captures / "c.jsonl")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no"):
        indexed(tmp_path / "none", tmp_path / "index.json")


def test_facts_go_to_disk_and_back(captures: Path, tmp_path: Path) -> None:
    found = indexed(captures, tmp_path / "index.json")
    assert facts_from(facts_json(found)) == found
