"""What is measured, what failed, and what an earlier run left."""

from __future__ import annotations

from typing import Any

from quick_arms import record_of

from autotune.compare.measured import Measured
from autotune.compare.progress import Progress, resumed
from autotune.records import TurnRecord

TURNS = {"a": 2, "b": 2}


def block(arm: str, number: int) -> list[TurnRecord]:
    return [record_of(arm, number, turn, 1.0) for turn in range(2)]


def row(arm: str, number: int, failure: str | None = None) -> dict[str, Any]:
    return {"arm": arm, "block": number, "seconds": 3.0, "failure": failure}


def take(progress: Progress, arm: str, number: int, failure: str | None = None) -> None:
    measured = Measured(records=tuple(block(arm, number)), seconds=4.0, failure=failure)
    progress.take(arm, number, measured)


def sizes(progress: Progress) -> dict[str, int]:
    return {name: len(rows) for name, rows in progress.compared().items()}


def test_only_blocks_that_every_arm_finished_are_compared() -> None:
    progress = Progress(("a", "b"))
    take(progress, "a", 0)
    assert (progress.done, sizes(progress)) == (0, {})
    take(progress, "b", 0)
    take(progress, "b", 1)
    assert (progress.done, sizes(progress)) == (1, {"a": 2, "b": 2})
    assert progress.seconds == 12.0
    assert progress.block_s == 8.0


def test_an_arm_that_fails_keeps_what_it_had_and_the_others_go_on() -> None:
    progress = Progress(("a", "b", "c"))
    for name in ("a", "b", "c"):
        take(progress, name, 0)
    take(progress, "a", 1, "crash: gone")
    take(progress, "b", 1)
    take(progress, "c", 1)
    assert progress.alive == ("b", "c")
    assert progress.failed == {"a": "crash: gone"}
    # The next arm stands in for the baseline, as that has fewer blocks than the others.
    assert sizes(progress) == {"b": 4, "c": 4, "a": 2}
    assert list(progress.compared()) == ["b", "c", "a"]


def test_with_one_arm_left_the_first_is_still_the_baseline() -> None:
    progress = Progress(("a", "b"))
    take(progress, "a", 0)
    take(progress, "b", 0)
    take(progress, "a", 1, "hang: silent")
    assert sizes(progress) == {"a": 2, "b": 2}
    assert list(progress.compared()) == ["a", "b"]
    dead = Progress(("a", "b"), {"a": "x", "b": "y"})
    assert (dead.done, dead.compared()) == (0, {})


def test_an_earlier_run_leaves_whole_blocks_that_were_good() -> None:
    rows = [row("a", 0), row("b", 0), row("a", 1, "cache-arm: warm")]
    records = [*block("a", 0), *block("b", 0)[:1], *block("a", 1)]
    progress = resumed(("a", "b"), rows, records, TURNS)
    assert (progress.blocks("a"), progress.blocks("b")) == (1, 0)
    assert progress.failed == {}
    assert [r["arm"] for r in progress.rows] == ["a"]
    # A block that is on disk and in no row was cut off before its arm was judged.
    assert resumed(("a", "b"), [], block("a", 0), TURNS).blocks("a") == 0


def test_of_a_turn_that_was_measured_twice_the_later_stands() -> None:
    first, again = record_of("a", 0, 0, 9.0), record_of("a", 0, 0, 1.0)
    progress = resumed(("a", "b"), [row("a", 0)], [first, again], {"a": 1, "b": 1})
    assert progress.records["a", 0] == (again,)
