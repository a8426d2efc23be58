"""Samples: nested, in proportion, families together, and a statement that is worked out."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.workload.depth import DepthBuckets
from autotune.workload.sample import LEAST_UNITS, likeness, make_units, sampling_order, take
from autotune.workload.summary import SessionSummary


def summary(
    name: str,
    *,
    turns: int = 10,
    depth: int = 5_000,
    growth: int = 100,
    parent: str | None = None,
    times: tuple[float, ...] = (),
) -> SessionSummary:
    counts = [0] * len(DepthBuckets().labels)
    counts[DepthBuckets().index(depth)] = turns
    return SessionSummary(
        name, parent, turns, depth, depth, turns * depth, depth + (turns - 1) * growth, 20 * turns,
        tuple(counts), (growth,) * (turns - 1), (20,) * turns, times,
    )  # fmt: skip


def many(shallow: int, deep: int) -> list[SessionSummary]:
    return [
        *(summary(f"a{n}", depth=5_000) for n in range(shallow)),
        *(summary(f"b{n}", depth=70_000) for n in range(deep)),
    ]


def test_a_sample_has_the_depths_of_the_whole() -> None:
    order = sampling_order(many(300, 100), seed=1)
    kinds = Counter(unit.ids[0][0] for unit in order[:40])
    assert kinds == {"a": 30, "b": 10}
    assert len(order) == 400


@settings(max_examples=30)
@given(st.integers(1, 30), st.integers(0, 10), st.integers(0, 5))
def test_everyone_is_drawn_once_and_the_seed_decides(shallow: int, deep: int, seed: int) -> None:
    sessions = many(shallow, deep)
    order = sampling_order(sessions, seed)
    names = [name for unit in order for name in unit.ids]
    assert sorted(names) == sorted(s.session_id for s in sessions)
    assert order == sampling_order(sessions, seed)


def test_another_seed_is_another_sample() -> None:
    samples = {sampling_order(many(50, 0), seed)[:5] for seed in range(5)}
    assert len(samples) == 5


def test_sub_agents_stay_with_their_family() -> None:
    sessions = [summary("root"), summary("sub", parent="root"), summary("deeper", parent="sub")]
    (unit,) = make_units([*sessions])
    assert set(unit.ids) == {"root", "sub", "deeper"}


def test_sessions_that_took_turns_are_drawn_together_and_others_are_not() -> None:
    one = summary("one", times=(1.0, 3.0, 5.0))
    two = summary("two", times=(2.0, 4.0))
    later = summary("later", times=(9.0, 10.0))
    units = make_units([later, two, one])
    assert [(unit.ids, unit.interleaved) for unit in units] == [
        (("one", "two"), True), (("later",), False),
    ]  # fmt: skip


def test_a_day_of_overlapping_sessions_is_not_one_unit() -> None:
    day = [summary(f"s{n}", times=(float(n), float(n) + 2.5)) for n in range(12)]
    assert max(len(unit.ids) for unit in make_units(day)) == 4


def test_as_many_as_the_time_holds_and_no_fewer_than_four() -> None:
    order = sampling_order(many(20, 0), seed=0)
    seconds = {f"a{n}": 10.0 for n in range(20)}
    assert len(take(order, seconds, 75.0)) == 7
    assert take(order, seconds, 75.0) == order[:7]
    assert len(take(order, seconds, 1.0)) == LEAST_UNITS
    assert len(take(order, seconds, 1e9)) == 20


def test_the_statement_lays_sample_and_whole_side_by_side() -> None:
    whole = [summary("a", turns=30, growth=100), summary("b", turns=10, depth=70_000, growth=300)]
    rows = {row.name: row for row in likeness(whole, whole[:1])}
    assert (rows["turns 0-10k"].whole, rows["turns 0-10k"].sample) == (0.75, 1.0)
    assert (rows["turns 60-120k"].whole, rows["turns 60-120k"].sample) == (0.25, 0.0)
    assert rows["growth p50, tokens"].sample == 100.0
    # 30 prompts of 5,000 tokens, of which 5,000 + 29 x 100 had to be prefilled.
    assert rows["reusable share"].sample == pytest.approx(1 - 7_900 / 150_000)
    assert rows["turns interleaved"].whole == 0.0
    assert "turns 10-30k" not in rows
