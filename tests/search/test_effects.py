"""What two trials of a search say of one change, and what its surrogate guesses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from entries import entry, ledger

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.search.change_groups import groups_of
from autotune.search.effects import Basis, Effect, Searched, guessed, ordered
from autotune.search.judge import Judge
from autotune.search.ledger import STOPPED, Ledger
from autotune.search.levels import levels_of
from autotune.search.space import Parameter, Space
from autotune.search.surrogate import Point, fit

SPACE = Space("e", tuple(Parameter(name, (1, 2), 1, "threads") for name in "abc"))
WINNER = {"a": 2, "b": 2, "c": 2}
GROUPS = groups_of(SPACE, WINNER)
KEYS = frozenset((f"s{n % 3}", n) for n in range(9))


def turns(arm: str, ttft_s: float, count: int = 9) -> list[TurnRecord]:
    return [
        TurnRecord(
            arm=arm, block=0, order=n, session_id=f"s{n % 3}", turn=n,
            started_at="2026-01-01T00:00:00+00:00", asked_output_tokens=10, depth_tokens=1000,
            cached_tokens=900, computed_tokens=100, output_tokens=10,
            ttft_s=ttft_s * (1 + 0.01 * n), decode_tps=20.0, wall_s=9.0, finish_reason="length",
        )
        for n in range(count)
    ]  # fmt: skip


def searched(known: Ledger, records: Sequence[TurnRecord]) -> Searched:
    return Searched(
        space=SPACE,
        ledger=known,
        find=lambda candidate: known.find(candidate.key),
        judge=Judge(Objective.TTFT, KEYS),
        read_turns=lambda: records,
        floor={"ttft": 0.03},
    )


def test_a_trial_that_differs_in_one_change_tells_what_it_is_worth() -> None:
    best = entry(1, "x", 1.0, WINNER, space=SPACE)
    other = entry(2, "x", 1.2, {"a": 1, "b": 2, "c": 2}, space=SPACE)
    records = [*turns("trial-0001", 1.0), *turns("trial-0002", 1.2), *turns("heat-1", 9.0)]
    found = searched(ledger(best, other), records).effects(best, GROUPS)
    assert set(found) == {"a"}
    assert found["a"].ratio == pytest.approx(1.2)
    assert found["a"].low == pytest.approx(1.2 * math.exp(-0.03))
    assert found["a"].high == pytest.approx(1.2 * math.exp(0.03))
    assert (found["a"].pairs, found["a"].source) == (9, "measured")


def test_one_that_was_stopped_early_tells_by_the_turns_it_did() -> None:
    best = entry(1, "x", 1.0, WINNER, space=SPACE)
    other = entry(2, "x", 1.5, {"a": 1, "b": 2, "c": 2}, STOPPED, space=SPACE)
    records = [*turns("trial-0001", 1.0), *turns("trial-0002", 1.5, 4)]
    found = searched(ledger(best, other), records).effects(best, GROUPS)
    assert (found["a"].ratio, found["a"].pairs) == (pytest.approx(1.5), 4)


def test_of_several_looks_the_newest_counts() -> None:
    best = entry(1, "x", 1.0, WINNER, space=SPACE)
    again = entry(3, "again: trial-0001", 1.1, WINNER, space=SPACE)
    other = entry(2, "x", 1.2, {"a": 1, "b": 2, "c": 2}, space=SPACE)
    records = [*turns("trial-0001", 1.0), *turns("trial-0002", 1.2), *turns("trial-0003", 1.1)]
    found = searched(ledger(best, other, again), records).effects(best, GROUPS)
    assert found["a"].ratio == pytest.approx(1.2 / 1.1)


def test_what_failed_without_it_is_needed_and_what_runs_alike_is_worth_nothing() -> None:
    best = entry(1, "x", 1.0, WINNER, space=SPACE)
    failed = entry(2, "x", None, {"a": 1, "b": 2, "c": 2}, space=SPACE)
    made = searched(ledger(best, failed), turns("trial-0001", 1.0))
    found = made.effects(best, GROUPS)
    assert found["a"].basis is Basis.FAILED
    assert found["a"].failure is not None
    alike = Searched(
        space=SPACE, ledger=made.ledger, find=lambda _: best, judge=made.judge,
        read_turns=made.read_turns, floor={},
    ).effects(best, GROUPS[1:2])  # fmt: skip
    assert (alike["b"].ratio, alike["b"].basis) == (1.0, Basis.ALIKE)


def test_without_turns_to_lay_side_by_side_nothing_is_said() -> None:
    best = entry(1, "x", 1.0, WINNER, space=SPACE)
    other = entry(2, "x", 1.2, {"a": 1, "b": 2, "c": 2}, space=SPACE)
    assert searched(ledger(best, other), turns("trial-0001", 1.0)).effects(best, GROUPS) == {}


def test_the_surrogate_guesses_the_rest_and_says_how_surely() -> None:
    points = [
        Point({"a": 1, "b": 1, "c": 1}, 0.0, 0.01),
        Point({"a": 2, "b": 1, "c": 1}, -math.log(1.3), 0.01),
        Point(WINNER, -math.log(1.3), 0.01),
    ]
    found = guessed(fit(levels_of(SPACE), points), entry(1, "x", 1.0, WINNER, space=SPACE), GROUPS)
    assert {e.source for e in found.values()} == {"estimate"}
    assert found["a"].ratio == pytest.approx(1.3, abs=0.05)
    assert found["b"].ratio == pytest.approx(1.0, abs=0.05)
    for effect in found.values():
        assert effect.low is not None
        assert effect.ratio is not None
        assert effect.high is not None
        assert effect.low < effect.ratio < effect.high
    assert guessed(fit(levels_of(SPACE), points), entry(1, "x", 1.0, {}, space=SPACE), ()) == {}


def test_measured_goes_before_guessed_and_the_greatest_worth_first() -> None:
    a, b, c = GROUPS
    guess = {g.name: Effect(group=g, basis=Basis.GUESS, ratio=1.1) for g in GROUPS}
    known = {"c": Effect(group=c, basis=Basis.RUNS, ratio=1.5)}
    failed = {"b": Effect(group=b, basis=Basis.FAILED, failure="crash: x")}
    rows = ordered(GROUPS, {**known, **failed}, guess)
    assert [(e.group.name, e.ratio) for e in rows] == [("b", None), ("c", 1.5), ("a", 1.1)]
    assert ordered([a], {}, {}) == ()
