"""Floors that are kept per machine: found again, too old, damaged, unwritable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from formula import plan_of
from steady import KEY

from autotune.scoring.noise import Method, NoiseFloor, assumed_floor
from autotune.search.floor_cache import FloorCache, age_of, shape_of

NOW = datetime(2026, 1, 8, tzinfo=UTC)
FLOOR = NoiseFloor(
    half_widths={"turn_s": 0.02},
    pairs=4,
    method=Method.RUNS,
    measured_at="2026-01-02T00:00:00+00:00",
    quiet=True,
)


def test_a_floor_is_found_again_for_the_same_machine_engine_model_and_shape(tmp_path: Path) -> None:
    cache = FloorCache(tmp_path / "noise")
    assert cache.read(KEY, NOW) is None
    cache.write(KEY, FLOOR)
    assert cache.read(KEY, NOW) == FLOOR
    for name in ("host", "gpu", "engine", "engine_version", "model", "shape"):
        assert cache.read(replace(KEY, **{name: "other"}), NOW) is None
    assert age_of(FLOOR, NOW) == timedelta(days=6)
    assert age_of(assumed_floor(), NOW) is None


@pytest.mark.parametrize("later", [timedelta(days=2), timedelta(days=-7)])
def test_too_old_or_of_the_future_is_measured_anew(tmp_path: Path, later: timedelta) -> None:
    cache = FloorCache(tmp_path)
    cache.write(KEY, FLOOR)
    assert cache.read(KEY, NOW + later) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"of": 3}', "{"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    cache = FloorCache(tmp_path)
    cache.write(KEY, FLOOR)
    path = tmp_path / KEY.file_name
    whole = path.read_text()
    path.write_text(text)
    assert cache.read(KEY, NOW) is None
    path.write_text(whole.replace("whole runs", "a guess"))
    assert cache.read(KEY, NOW) is None


def test_nothing_assumed_is_kept_and_no_folder_is_needed(tmp_path: Path) -> None:
    FloorCache(None).write(KEY, FLOOR)
    assert FloorCache(None).read(KEY, NOW) is None
    FloorCache(tmp_path).write(KEY, assumed_floor())
    assert list(tmp_path.iterdir()) == []
    blocked = tmp_path / "file"
    blocked.write_text("")
    FloorCache(blocked).write(KEY, FLOOR)  # a cache that cannot be written ends nothing


def test_the_shape_is_rough() -> None:
    assert shape_of(plan_of(2, 10), 1500) == "16+ turns, 1024+ tokens"
    assert shape_of(plan_of(3, 10), 2047) == "16+ turns, 1024+ tokens"
    assert shape_of(plan_of(4, 10), 2048) == "32+ turns, 2048+ tokens"
