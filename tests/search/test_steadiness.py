"""The floor at the start of a study, and what is said of noise at its end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from formula import FormulaMeasurer, plan_of
from steady import KEY, SteadyBench, busy

from autotune.scoring.noise import Method, NoiseFloor
from autotune.search.anchor import anchor_name
from autotune.search.floor_cache import FloorCache
from autotune.search.steadiness import beside_s


def kept(quiet: bool = True) -> NoiseFloor:
    now = datetime.now(UTC).isoformat()
    return NoiseFloor(
        half_widths={"turn_s": 0.5}, pairs=9, method=Method.RUNS, measured_at=now, quiet=quiet
    )


def test_without_a_kept_floor_the_default_is_measured_twice(tmp_path: Path) -> None:
    bench = SteadyBench(tmp_path / "study", plan=plan_of(2, 10), cache_dir=tmp_path / "noise")
    measurer = FormulaMeasurer()
    bench.run(measurer, 10)
    assert measurer.arms[1] == (anchor_name(0), 0)
    assert bench.steady is not None
    floor = bench.steady.floor
    assert (floor.method, floor.quiet) == (Method.PARTS, True)
    assert floor.half_width("turn_s") == 0.0  # the formula has no noise
    assert FloorCache(tmp_path / "noise").read(KEY) == floor


def test_a_run_that_goes_on_knows_the_floor_without_measuring(tmp_path: Path) -> None:
    first = SteadyBench(tmp_path, plan=plan_of(2, 10), kept=True)
    first.run(FormulaMeasurer(), 10)
    again = SteadyBench(tmp_path, plan=plan_of(2, 10), kept=True)
    measurer = FormulaMeasurer()
    ledger = again.run(measurer, 10)
    assert first.steady is not None
    assert again.steady is not None
    again.steady.settle(ledger)
    assert measurer.arms == []
    assert again.steady.floor.is_measured
    assert again.steady.floor.half_widths == first.steady.floor.half_widths


def test_a_kept_floor_costs_nothing(tmp_path: Path) -> None:
    FloorCache(tmp_path / "noise").write(KEY, kept())
    bench = SteadyBench(tmp_path / "study", plan=plan_of(2, 10), cache_dir=tmp_path / "noise")
    measurer = FormulaMeasurer()
    bench.run(measurer, 10)
    assert measurer.arms[1] != (anchor_name(0), 0)
    assert bench.steady is not None
    assert bench.steady.floor.half_widths == {"turn_s": 0.5}


def test_a_floor_of_a_quiet_time_is_not_taken_in_a_loud_one(tmp_path: Path) -> None:
    FloorCache(tmp_path / "noise").write(KEY, kept())
    bench = SteadyBench(tmp_path / "study", plan=plan_of(2, 10), cache_dir=tmp_path / "noise")
    measurer = busy(*range(99))
    bench.run(measurer, 10)
    assert bench.steady is not None
    assert anchor_name(0) in [arm for arm, _ in measurer.arms]
    assert bench.steady.floor.quiet is False


@pytest.mark.parametrize(("trials", "limit_s"), [(3, None), (10, 150.0)])
def test_a_short_study_reckons_with_an_assumed_floor(
    tmp_path: Path, trials: int, limit_s: float | None
) -> None:
    bench = SteadyBench(tmp_path, plan=plan_of(2, 10), limit_s=limit_s)
    measurer = FormulaMeasurer()
    bench.run(measurer, trials)
    assert (anchor_name(0), 0) not in measurer.arms
    assert bench.steady is not None
    assert not bench.steady.floor.is_measured


def test_what_is_said_at_the_end(tmp_path: Path) -> None:
    bench = SteadyBench(tmp_path, plan=plan_of(2, 10))
    ledger = bench.run(busy(4), 10)
    assert bench.steady is not None
    report = bench.steady.report(ledger)
    json.dumps(report)
    assert report["anchors"]["measured"] >= 1
    assert report["anchors"]["left_doubtful"] == []
    assert report["disturbed"]["discarded_turns"] == 20
    assert report["disturbed"]["again"] == 1
    assert report["never_quiet"] is False
    assert report["floor"]["method"] == Method.PARTS.value
    turns = list(bench.folder.read_turns())
    only = [r for r in turns if "~" in r.arm or r.arm.startswith("anchor-")]
    assert beside_s(turns) == pytest.approx(sum(r.wall_s or 0 for r in only))
    assert beside_s([replace(r, arm="trial-0001") for r in turns]) == 0.0
