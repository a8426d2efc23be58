"""A study folder as commands read it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from formula import Bench, FormulaMeasurer

from autotune.errors import UserError
from autotune.study.folder import StudyFolder, list_studies


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "studies" / "one")


def test_a_folder_without_provenance_is_no_study(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "nothing")
    assert not folder.exists()
    assert folder.read_result() is None
    assert folder.read_survey() is None
    assert folder.read_trials() == []
    assert list(folder.read_turns()) == []
    with pytest.raises(UserError, match="not a study"):
        folder.read_provenance()
    assert not folder.path.exists()


def test_what_is_written_is_read_with_its_schema_version(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    folder.write_provenance({"schema_version": "provenance/1", "engine": "e"})
    folder.write_result({"winner": None})
    folder.write_survey({"depths": []})
    assert folder.exists()
    assert folder.read_provenance()["engine"] == "e"
    assert folder.read_result() == {"schema_version": "result/1", "winner": None}
    assert folder.read_survey() == {"schema_version": "survey/1", "depths": []}


def test_studies_are_listed_by_name_and_other_folders_are_not(tmp_path: Path) -> None:
    for name in ("b", "a"):
        StudyFolder(tmp_path / name).write_provenance({"engine": "e"})
    (tmp_path / "c").mkdir()
    assert [f.name for f in list_studies(tmp_path)] == ["a", "b"]
    assert list_studies(tmp_path / "none") == []


def test_trials_are_read_back_as_rows(bench: Bench) -> None:
    ledger = bench.run(FormulaMeasurer(), 3)
    rows = bench.folder.read_trials()
    assert [r["number"] for r in rows] == [e.number for e in ledger.entries]
    first = rows[0]
    assert (first["state"], first["label"], first["changes"]) == ("complete", "default", {})
    # TTFT 1.5 s by the formula, at the median of orders 0..3; 10 tokens at 20 tok/s.
    assert first["value"] == pytest.approx(1.5 * 1.015 + 0.5)
    assert first["metrics"]["decode_p50_tps"] == 20.0
    assert sum(first["seconds"].values()) == 10.0
