"""Findings on disk are judged by the threshold that the study was begun with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from autotune.scoring.quality import CallOutcome, Compared, Standing, Threshold
from autotune.search.quality_store import candidate_row, settings_key, stored_findings
from autotune.study.quality_log import append_quality, quality_path

ROWS = [Compared(f"s{at % 6}", f"s{at % 6}/0", at, "text", 0.3, True) for at in range(120)]


def store(folder: Path, threshold: Threshold) -> None:
    path = quality_path(folder)
    of = {"threshold": asdict(threshold), "seed": 0}
    append_quality(path, {"what": "reference", "of": of, "answers": None, "why": None})
    append_quality(path, candidate_row({"kv": "q8"}, ROWS, [CallOutcome.KEPT], 2.5))


def test_a_finding_is_judged_by_the_studys_own_threshold(tmp_path: Path) -> None:
    for name, most, standing in (("a", 0.25, Standing.FAILS), ("b", 0.5, Standing.PASSES)):
        store(tmp_path / name, Threshold(max_kl_p99=most))
        (found,) = stored_findings(tmp_path / name).values()
        assert found.verdict.standing is standing
        assert (found.settings, found.seconds) == ({"kv": "q8"}, 2.5)
        assert found.to_json()["figures"]["kl_p99"]["value"] == 0.3


def test_a_study_without_a_guard_has_no_findings(tmp_path: Path) -> None:
    assert stored_findings(tmp_path) == {}


def test_the_key_is_of_the_settings_and_not_of_their_order() -> None:
    assert settings_key({"a": 1, "b": 2}) == settings_key({"b": 2, "a": 1})
    assert settings_key({"a": 1}) != settings_key({"a": True})
