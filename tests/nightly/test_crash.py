"""Killed at every step of a promotion, a rollback, a recovery: always one generation, whole.

The work is done by ``tests/fakes/nightly_crash.py``: a process that is killed with SIGKILL at a
step and another that recovers, for every write, rename, sync, start of a process, and in hooks.
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

DRIVER = Path(__file__).parents[1] / "fakes" / "nightly_crash.py"

pytestmark = pytest.mark.timeout(1600)  # thousands of processes, on a machine that may be busy

Row = dict[str, Any]
Sweep = Callable[[str], list[Row]]

LIVE: dict[str, set[int | None]] = {
    "first": {None, 1},
    "night": {1, 2},
    "unhealthy": {1},
    "rollback": {1, 2},
    "recover": {2},
    "recover-unhealthy": {1},
}
"""What may be live after each, wherever it was killed: the old one or the new one. One that is sick
never is, and a recovery comes to the same end every time."""

LINES = (
    "pause begin",
    "hook begin",
    "hook-started note",
    "hook end",
    "promotion begin",
    "swap note",
    "swapped note",
    "pause end",
    "promotion end",
)
"""What a night writes into its journal, in the order of the first of each."""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Every step of a scenario, run once: what was found after each."""

    @cache
    def run(scenario: str) -> list[Row]:
        folder = tmp_path_factory.mktemp(scenario)
        argv = [sys.executable, str(DRIVER), scenario, str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=1500, check=True)
        rows: list[Row] = json.loads(done.stdout)
        return rows

    return run


def wrong(rows: list[Row], holds: Callable[[Row], bool]) -> list[Row]:
    return [row for row in rows if not holds(row)]


def one_generation(row: Row) -> bool:
    """Every file that is served is of the generation that is live; or all are as before."""
    if row["live"] is None:
        return row["served"] == ["nobody", "person"]
    return row["served"] == [str(row["live"])] and row["damage"] == []


@pytest.mark.parametrize("scenario", LIVE)
def test_wherever_it_is_killed(sweep: Sweep, scenario: str) -> None:
    rows = sweep(scenario)
    assert len(rows) > 20
    assert wrong(rows, one_generation) == []
    assert {row["live"] for row in rows} <= LIVE[scenario]
    assert wrong(rows, lambda row: row["paired"]) == []
    assert wrong(rows, lambda row: row["open"] == []) == []
    assert wrong(rows, lambda row: row["litter"] == []) == []
    assert wrong(rows, lambda row: row["again"] == []) == []


@pytest.mark.parametrize("moment", ["torn", "unsynced", "written"])
@pytest.mark.parametrize("line", LINES)
def test_each_line_of_a_nights_journal_is_a_step(sweep: Sweep, line: str, moment: str) -> None:
    """Killed in the middle of writing it, before it is on the disk, and right after."""
    rows = [row for row in sweep("night") if row["step"] == f"{moment}: {line}"]
    assert rows
    assert {row["code"] for row in rows} == {-9}
    assert wrong(rows, one_generation) == []
    assert wrong(rows, lambda row: row["paired"]) == []


@pytest.mark.parametrize("hook", ["before", "after"])
def test_in_the_middle_of_a_hook(sweep: Sweep, hook: str) -> None:
    """The hook goes on alone; recovery waits for it and does not run it again."""
    (row,) = [row for row in sweep("night") if row["step"] == f"in {hook} hook"]
    assert row["code"] == -9
    assert row["words"] == ["before", "before ended", "after", "after ended"]


def test_the_swap_is_one_rename(sweep: Sweep) -> None:
    """Before it the old one is live, and from it on the new one."""
    rows = sweep("night")
    steps = [row["step"] for row in rows]
    at = steps.index("os.rename .live-next")
    assert steps.count("os.rename .live-next") == 1
    assert {row["live"] for row in rows[: at + 1]} == {1}
    assert {row["live"] for row in rows[at + 1 :] if not row["step"].startswith("in ")} == {2}


def test_a_first_promotion_may_be_given_up_or_finished(sweep: Sweep) -> None:
    assert {row["live"] for row in sweep("first")} == LIVE["first"]
