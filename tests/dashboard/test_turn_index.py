"""A turn log that grows, is torn, and is written anew."""

from __future__ import annotations

import json
from pathlib import Path

from autotune.dashboard.turn_index import TurnIndex
from autotune.study.folder import StudyFolder


def line(arm: str) -> bytes:
    return json.dumps({"arm": arm, "turn": 0}).encode() + b"\n"


def add(path: Path, written: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(written)


def test_a_log_that_is_not_there_yet_has_no_arms(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    assert index.arms() == frozenset()
    add(index.path, line("trial-0000"))
    assert index.arms() == {"trial-0000"}
    index.path.unlink()
    assert index.arms() == frozenset()


def test_a_torn_line_counts_once_it_is_whole(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    whole = line("trial-0001")
    add(index.path, line("trial-0000") + whole[:-1])
    assert index.arms() == {"trial-0000"}
    add(index.path, whole[-1:])
    assert index.arms() == {"trial-0000", "trial-0001"}


def test_only_what_was_added_is_read(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    add(index.path, line("trial-0000"))
    index.arms()
    with index.path.open("r+b") as stream:
        stream.write(line("trial-9999"))
    add(index.path, line("trial-0001"))
    assert index.arms() == {"trial-0000", "trial-0001"}


def test_a_log_that_became_shorter_is_read_anew(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    add(index.path, line("trial-0000") + line("trial-0001"))
    index.arms()
    index.path.write_bytes(line("trial-0002"))
    assert index.arms() == {"trial-0002"}


def test_another_file_in_its_place_is_read_anew(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    add(index.path, line("trial-0000"))
    index.arms()
    other = tmp_path / "other"
    other.write_bytes(line("trial-0002") + line("trial-0003"))
    other.replace(index.path)
    assert index.arms() == {"trial-0002", "trial-0003"}


def test_names_are_unescaped_and_lines_without_an_arm_passed_over(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    add(index.path, line('a "b" é') + b"{}\n\n" + b'{"arm":"tight"}\n')
    assert index.arms() == {'a "b" é', "tight"}


def test_what_was_told_before_does_not_change(tmp_path: Path) -> None:
    index = TurnIndex(tmp_path / "turns.jsonl")
    add(index.path, line("trial-0000"))
    before = index.arms()
    add(index.path, line("trial-0001"))
    index.arms()
    assert before == {"trial-0000"}


def test_arms_of_a_study_are_its_trials_with_turns(study: StudyFolder) -> None:
    rows = study.read_trials()
    failed = {f"trial-{r['number']:04d}" for r in rows if r["state"] == "infeasible"}
    whole = {f"trial-{r['number']:04d}" for r in rows if r["state"] == "complete"}
    arms = TurnIndex(study.turns_path).arms()
    assert failed
    assert whole <= arms
    assert not failed & arms
