"""What an experiment with the cache leaves besides its comparison."""

from __future__ import annotations

import csv
from pathlib import Path

from quick_arms import arm_of, record_of, request_of
from rich.console import Console

from autotune.launchers.protocol import CacheArm
from autotune.report.compare_cache import experiment_records, report_cache, subject_of

REQUEST = request_of(arm_of("s,cache=off", CacheArm.OFF), arm_of("s,cache=on", CacheArm.ON))
RECORDS = {
    "s,cache=off": [record_of("s,cache=off", 0, t, 4.0, cached_tokens=0) for t in range(6)],
    "s,cache=on": [record_of("s,cache=on", 0, t, 1.0) for t in range(6)],
}


def test_arms_are_told_by_their_cache_whatever_they_were_built_on() -> None:
    found = experiment_records(REQUEST, RECORDS)
    assert [r.arm for r in found] == ["cache=off"] * 6 + ["cache=on"] * 6
    assert subject_of(REQUEST) == "reference, model.gguf"


def test_turns_plot_and_table(tmp_path: Path) -> None:
    report = report_cache(tmp_path, REQUEST, RECORDS)
    names = ["cache-effect.csv", "cache-effect.json", "cache-effect.svg"]
    assert sorted(path.name for path in report.files) == names
    with (tmp_path / "cache-effect.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 6
    assert {row["ttft_cold_s"] for row in rows} == {"4.0"}
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"))
    with console.file:
        console.print(report.table)
    assert "Prefix reuse saved 18.0 s" in (tmp_path / "out").read_text()
