from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from autotune.strategies.cells import Cell, Result, Step
from autotune.strategies.curves import curves, value_at
from autotune.strategies.figures import (
    Group,
    figures,
    grouped,
    least_seen,
    reach_s,
    regret,
    slower,
)
from autotune.strategies.shares import NEVER, middle, upper
from autotune.strategies.sources import Source

SOURCE = Source("made-up", "a made-up machine")


def result(
    steps: Sequence[tuple[float, float | None]],
    held_out: float | None = 1.0,
    changes: Mapping[str, int] | None = None,
) -> Result:
    last = steps[-1][1]
    return Result(
        steps=tuple(Step(*step) for step in steps),
        found=last,
        final=last,
        held_out=held_out,
        changes=changes or {},
        ended_s=100.0,
        trials=7,
        wall_s=0.5,
    )


def group(results: Mapping[str, Sequence[Result]], floor: float = 0.1) -> Group:
    return Group(SOURCE, "usual", 100.0, 2.0, 1.0, 2.0, 2.0, floor, results)


def test_regret_is_what_is_lost_to_the_optimum() -> None:
    assert regret(1.05, 1.0) == pytest.approx(0.05)
    assert regret(0.9, 1.0) == 0.0
    assert regret(None, 1.0) is None
    assert slower(None, 2.0) is None
    assert slower(3.0, 2.0) == 1.5


def test_a_search_has_reached_it_when_it_first_is_within_five_percent() -> None:
    steps = [(0.0, 2.0), (10.0, None), (20.0, 1.04), (30.0, 1.5)]
    assert reach_s(result(steps), 1.0) == 20.0
    assert reach_s(result([(0.0, 2.0), (10.0, 1.06)]), 1.0) == NEVER


def test_quantiles_pass_over_into_never() -> None:
    assert middle([1.0, 2.0, 3.0, 4.0]) == 2.5
    assert middle([1.0, 2.0, NEVER]) == 2.0
    assert middle([1.0, NEVER]) is None
    assert upper([*range(1, 20), NEVER], 0.95) == 19
    assert upper([1.0, NEVER], 0.95) is None


def test_figures_of_two_strategies() -> None:
    ours = [result([(0.0, 2.0), (10.0 + at, 1.0)], changes={"x": 1}) for at in range(4)]
    other = [result([(0.0, 2.0), (40.0, 1.02)]), *[result([(0.0, 2.0)], held_out=2.0)] * 3]
    mine, theirs = figures(group({"ours": ours, "random": other}))
    assert (mine.reach_p50_s, mine.reach_p95_s, mine.never) == (11.5, 13.0, 0.0)
    assert (mine.ratio, mine.kept_default, mine.worse) == (None, 0, 0)
    assert (theirs.reach_p50_s, theirs.never) == (None, 0.75)
    # Those that never arrived count with the whole budget of 100 s.
    assert theirs.ratio == pytest.approx(11.5 / 100.0)
    assert theirs.at_most
    assert theirs.ratio_low is not None
    assert theirs.ratio_high is not None
    assert theirs.ratio_low <= theirs.ratio <= theirs.ratio_high
    assert theirs.final_regret == pytest.approx(1.0)
    assert theirs.kept_default == 4


def test_there_is_no_ratio_where_ours_never_arrives() -> None:
    late = [result([(0.0, 2.0)])] * 3
    _, theirs = figures(group({"ours": late, "random": [result([(0.0, 2.0), (9.0, 1.0)])] * 3}))
    assert (theirs.ratio, theirs.at_most, theirs.reach_p50_s) == (None, False, 9.0)


def test_worse_is_beyond_the_floor_on_the_sessions_of_the_confirmation() -> None:
    held = [2.0 * math.exp(0.09), 2.0 * math.exp(0.11), 1.0, None]
    (row,) = figures(group({"ours": [result([(0.0, 1.0)], held_out=h) for h in held]}))
    assert row.worse == 2  # the second, and the one that does not run
    assert row.worst is None
    (row,) = figures(group({"ours": [result([(0.0, 1.0)], held_out=h) for h in held[:3]]}))
    assert row.worst == pytest.approx(math.exp(0.11))


def test_a_curve_steps_where_the_recommendation_changes() -> None:
    steps = (Step(0.0, 2.0), Step(50.0, 1.0))
    assert [value_at(steps, at) for at in (0.0, 49.9, 50.0, 100.0)] == [2.0, 2.0, 1.0, 1.0]
    assert value_at((), 1.0) is None
    two = [result([(0.0, 2.0), (50.0, 1.0)]), result([(0.0, 2.0), (75.0, 1.0)])]
    (curve,) = curves(group({"ours": two}), places=4)
    assert [p.engine_s for p in curve.points] == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert [p.median for p in curve.points] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert (curve.points[2].low, curve.points[2].high) == (0.25, 0.75)


def test_results_are_grouped_and_the_least_is_remembered() -> None:
    cells = [Cell(SOURCE, name, "usual", b, s) for b in (1.0, 2.0) for s in (0, 1) for name in "ab"]
    results = {cell: result([(0.0, 3.0), (1.0, 1.0 + cell.seed)]) for cell in cells}
    found = grouped(results)
    assert list(found) == [(SOURCE, 1.0), (SOURCE, 2.0)]
    assert [len(rows) for rows in found[SOURCE, 1.0].values()] == [2, 2]
    assert least_seen(list(results.values())) == 1.0
    assert least_seen([result([(0.0, None)])]) == NEVER
