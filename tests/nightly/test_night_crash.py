"""Nights killed with SIGKILL at each line of their journal: one config is live, whole, always.

The work is done by ``tests/fakes/night_crash.py``. Steps within a promotion that no line tells are
`test_crash`'s.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).parents[1] / "fakes" / "night_crash.py"

pytestmark = pytest.mark.timeout(900)

Row = dict[str, Any]
Sweep = Callable[[str], list[Row]]

LIVE: dict[str, set[int | None]] = {"first": {None, 1}, "retune": {1, 2}, "drift": {1, 2}}
"""The old one or the new one, wherever the night was killed."""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Every line of a scenario, run once: what was found after each."""

    @cache
    def run(scenario: str) -> list[Row]:
        folder = tmp_path_factory.mktemp(scenario)
        argv = [sys.executable, str(DRIVER), scenario, str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=800, check=False)
        assert done.returncode == 0, done.stderr
        rows: list[Row] = json.loads(done.stdout)
        return rows

    return run


def wrong(rows: list[Row], holds: Callable[[Row], bool]) -> list[Row]:
    return [row for row in rows if not holds(row)]


def whole(found: Row) -> bool:
    """Every file that is served is of the generation that is live; or there is none at all."""
    if found["live"] is None:
        return bool(found["served"] == [])
    return len(found["served"]) == 1 and found["missing"] == found["damage"] == []


@pytest.mark.parametrize("scenario", LIVE)
def test_wherever_a_night_is_killed(sweep: Sweep, scenario: str) -> None:
    rows = sweep(scenario)
    assert len(rows) > 20
    assert {row["code"] for row in rows} == {-9}
    assert wrong(rows, lambda row: whole(row["mended"])) == []
    assert {row["mended"]["live"] for row in rows} == LIVE[scenario]
    assert wrong(rows, lambda row: row["mended"]["paired"]) == []
    # A tuning may be open: the next night goes on with it.
    assert wrong(rows, lambda row: set(row["mended"]["open"]) <= {"tuning"}) == []


@pytest.mark.parametrize("scenario", LIVE)
def test_the_next_night_comes_to_its_end(sweep: Sweep, scenario: str) -> None:
    rows = sweep(scenario)
    assert wrong(rows, lambda row: whole(row["then"])) == []
    assert wrong(rows, lambda row: row["then"]["paired"]) == []
    assert wrong(rows, lambda row: row["then"]["open"] == []) == []
    assert wrong(rows, lambda row: row["then"]["outcome"] in ("promoted", "steady")) == []
    assert wrong(rows, lambda row: row["then"]["live"] is not None) == []


def test_what_was_killed_has_a_page(sweep: Sweep) -> None:
    """Once its first line is on the disk, and not where it had come to its end already."""
    rows = [row for row in sweep("retune") if row["step"] == "written: pause begin"]
    (row,) = rows
    assert row["mended"]["outcomes"] == ["stopped", "promoted"]
    assert row["then"]["outcomes"] == ["promoted", "stopped", "promoted"]
