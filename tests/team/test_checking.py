"""What a second host says of a winner stands beside the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autotune.search.events import Summary
from autotune.study.folder import StudyFolder
from autotune.team.checking import check_note, told_check

WON = {"speedup": 1.42, "interval": (1.3, 1.6), "wins": True, "failure": None, "host": "b"}
SUMMARY = Summary(
    study="s",
    study_dir="s",
    exit_code=0,
    verdict="Trial 3 beats the default.",
    winner=3,
    speedup=1.5,
    interval=(1.4, 1.6),
    notes=("first",),
)


@pytest.mark.parametrize(
    ("row", "note"),
    [
        (None, "no second host was there to check it on"),
        (WON, "checked on host b: 1.42x (1.30 to 1.60)"),
        ({**WON, "wins": False, "speedup": 1.01}, "NOT confirmed on host b: 1.01x"),
        (
            {**WON, "speedup": None, "failure": "default: oom: no memory"},
            "host b could not check it: default: oom: no memory",
        ),
    ],
)
def test_the_check_is_told_in_a_line(row: dict[str, object] | None, note: str) -> None:
    assert check_note(row).startswith(note)


def test_it_is_in_the_verdict_on_disk_too(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.write_result({"summary": {}, "winner": {"trial": 3}})
    told = told_check(folder, SUMMARY, {"check": {**WON, "trial": 3}, "host": "b"})
    assert told.notes == ("first", "checked on host b: 1.42x (1.30 to 1.60)")
    result = folder.read_result()
    assert result is not None
    assert (result["check"]["host"], result["winner"]) == ("b", {"trial": 3})
    assert result["summary"]["notes"] == list(told.notes)


def test_without_a_winner_there_is_nothing_to_check(tmp_path: Path) -> None:
    nothing = replace(SUMMARY, winner=None)
    assert told_check(StudyFolder(tmp_path), nothing, None) == nothing
