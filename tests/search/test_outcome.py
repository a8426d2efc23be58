"""The sentence of a verdict: how much, how sure, and of what."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from autotune.scoring.comparison import Comparison, Statistic
from autotune.scoring.objective import Objective
from autotune.search.layout import Layout
from autotune.search.outcome import dropped_note, verdict_text

FOUND = Comparison(
    objective=Objective.TURN, ratio=1.5, low=1.2, high=1.875, pairs=18, sessions=3, unpaired=0,
    unit="sessions", turn_s=None, ttft=None, decode=None, total_wait=None, confidence=0.97,
)  # fmt: skip


def layout(*, held_out: bool = True, objective: Objective = Objective.TURN) -> Layout:
    made: Any = SimpleNamespace(
        confirm_judge=None, judge=SimpleNamespace(objective=objective), held_out=held_out
    )
    return cast("Layout", made)


def test_a_win_is_told_with_its_interval_and_where_it_was_measured() -> None:
    winner: Any = SimpleNamespace(number=7)
    assert verdict_text(layout(), winner, FOUND) == (
        "Trial 7 beats the default: 1.50x its speed in seconds per turn "
        "(97% interval 1.20 to 1.88, on held-out sessions)."
    )


def test_a_win_turn_by_turn_says_so() -> None:
    winner: Any = SimpleNamespace(number=7)
    paired = replace(FOUND, confidence=0.99, statistic=Statistic.TURNS)
    told = verdict_text(layout(), winner, paired)
    assert "(99% interval 1.20 to 1.88, turn by turn, on held-out sessions)" in told


@pytest.mark.parametrize(("held_out", "where"), [(True, "held-out"), (False, "the searched")])
def test_what_does_not_win_is_told_as_well(held_out: bool, where: str) -> None:
    told = verdict_text(layout(held_out=held_out), None, replace(FOUND, low=0.9))
    assert told.startswith("No config beats the default: the best one has 1.50x its speed")
    assert f"on {where} sessions" in told


def test_without_anything_to_confirm_that_is_said() -> None:
    assert verdict_text(layout(), None, None).endswith("none was left to be confirmed.")


def test_what_failed_in_the_confirmation_is_told() -> None:
    assert (
        dropped_note("trial-0003", "crash: it died", 3) == "trial-0003 was dropped: crash: it died"
    )
    told = dropped_note("default", "hang: no token came", 2)
    assert told.startswith(
        "the defaults failed after 2 whole blocks, which the verdict is of: hang"
    )
    assert "after one whole block," in dropped_note("default", "hang", 1)
