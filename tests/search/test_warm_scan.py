"""Which earlier studies are begun from: finished ones of the same engine, the likest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from formula import SPACE, Bench, FormulaMeasurer

from autotune.search.warm_scan import ALMOST, likeness_of, scan, warm_start_of
from autotune.study.folder import StudyFolder

HERE: dict[str, Any] = {
    "schema_version": "provenance/1",
    "engine": "fake",
    "engine_version": "b1",
    "gpu_name": "RTX 3090",
    "gpu_class": "rtx-3090",
    "model_sha256": "aa",
    "model_architecture": "llama",
    "objective": "turn",
    "depth": "10k-30k",
    "workload_digest": "w1",
}


def test_the_same_of_everything_is_almost_the_same_study() -> None:
    likeness, words = likeness_of(HERE, HERE)
    assert likeness == ALMOST
    assert words.startswith("same GPU, same model, same build")
    assert "kind of model" not in words


def test_what_differs_makes_a_study_less_like_this_one() -> None:
    other_model = {**HERE, "model_sha256": "bb"}
    assert likeness_of(HERE, other_model)[0] == pytest.approx(ALMOST * 0.85)
    assert "same kind of model" in likeness_of(HERE, other_model)[1]
    assert likeness_of(HERE, {**other_model, "model_architecture": "gemma"})[0] == pytest.approx(
        ALMOST * 0.85 * 0.6
    )
    assert likeness_of(HERE, {**HERE, "gpu_class": "rtx-4090"})[0] == pytest.approx(ALMOST * 0.5)


def test_a_study_of_before_these_facts_is_told_by_its_model_and_its_card() -> None:
    old = {k: v for k, v in HERE.items() if k not in ("gpu_class", "model_architecture")}
    now = {**HERE, "gpu_class": "RTX 3090", "model_architecture": "aa"}
    assert likeness_of(now, old)[0] == ALMOST


def finished(place: Path, name: str, trials: int = 5, **facts: Any) -> StudyFolder:
    bench = Bench(place / name)
    bench.run(FormulaMeasurer(), trials)
    bench.folder.write_provenance({**HERE, **facts})
    bench.folder.write_result({"summary": {}})
    return bench.folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies of all sorts."""
    folder = tmp_path_factory.mktemp("studies")
    finished(folder, "near")
    finished(folder, "far", model_sha256="bb")
    finished(folder, "other-engine", engine="vllm")
    finished(folder, "made-up", simulated=True)
    finished(folder, "new-schema", schema_version="provenance/9")
    finished(folder, "nothing-alike", gpu_class="x", model_sha256="y", model_architecture="z")
    (finished(folder, "under-way").path / "result.json").unlink()
    (folder / "no-study").mkdir()
    broken = finished(folder, "broken")
    for name in ("study.db-wal", "study.db-shm"):
        (broken.path / name).unlink(missing_ok=True)
    broken.database.write_bytes(b"not a database")
    return folder


def test_only_finished_ones_of_this_engine_count_the_likest_first(place: Path) -> None:
    found = scan(place, SPACE, HERE, place / "mine")
    assert [(s.name, round(s.likeness, 3)) for s in found.studies] == [
        ("near", ALMOST), ("far", round(ALMOST * 0.85, 3)),
    ]  # fmt: skip
    near = found.studies[0]
    assert near.configs[0]["spec-type"] == "ngram"
    assert all(set(config) <= set(SPACE.names) for config in near.configs)
    assert min(p.log_time for p in near.points) < 0 < len(near.points)


def test_a_study_does_not_begin_from_itself(place: Path) -> None:
    assert "near" not in {s.name for s in scan(place, SPACE, HERE, place / "near").studies}


def test_what_was_found_once_is_kept_for_when_it_goes_on(place: Path, tmp_path: Path) -> None:
    mine = StudyFolder(tmp_path / "mine")
    mine.write_provenance(HERE)
    first = warm_start_of(mine, place, SPACE)
    assert len(first.studies) == 2
    # Whatever is there by then.
    assert warm_start_of(mine, tmp_path / "empty", SPACE) == first
