"""Capture files go with the last study that was measured on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prints import A_PRINT

from autotune.nightly.grown_workload import Grown
from autotune.nightly.session_files import FOLDER, unneeded
from autotune.nightly.session_index import SessionFact
from autotune.nightly.settled import Settled, write_settled
from autotune.study.folder import StudyFolder

FACT = SessionFact(
    session_id="a", root="a", content="c", start_ms=None, at_s=5.0, turns=2, deepest=900
)
NEXT = Grown(sessions=(FACT,)).file_name


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    (state / FOLDER).mkdir(parents=True)
    for name in ("old.jsonl.gz", "studied.jsonl.gz", "proof-1.jsonl.gz", NEXT, "mine.txt"):
        (state / FOLDER / name).touch()
    return state


def study(folder: Path, workload: str) -> StudyFolder:
    folder.mkdir()
    (folder / "provenance.json").write_text(json.dumps({"workload": workload}))
    return StudyFolder(folder)


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_what_a_study_or_the_next_night_needs_stays(state: Path, tmp_path: Path) -> None:
    write_settled(state, Settled(fingerprint=A_PRINT, sessions=(FACT,), study="s"))
    begun = StudyFolder(tmp_path / "not-measured-yet")
    kept = [study(tmp_path / "s", f"/anywhere/{FOLDER}/studied.jsonl.gz"), begun]
    assert names(unneeded(state, kept)) == ["old.jsonl.gz", "proof-1.jsonl.gz"]


def test_before_the_first_tuning_ended_only_studies_need_them(state: Path) -> None:
    assert len(unneeded(state, [])) == 4
    assert unneeded(state / "nothing", []) == ()


@pytest.mark.parametrize("damaged", ["settled", "provenance"])
def test_where_it_cannot_be_told_all_stay(state: Path, tmp_path: Path, damaged: str) -> None:
    one = study(tmp_path / "s", "studied.jsonl.gz")
    path = state / "settled.json" if damaged == "settled" else one.path / "provenance.json"
    path.write_text("{")
    assert unneeded(state, [one]) == ()
