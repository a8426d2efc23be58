"""Which arms a round has, by what is known and how much time there is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from entries import entry as made_by_hand

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.search.change_groups import groups_of
from autotune.search.confirm import Confirmed
from autotune.search.effects import Basis, Effect
from autotune.search.judge import Judge
from autotune.search.leave_one_out import Costs, Lot, Planner, arms_of, effects_of
from autotune.search.needless import Bar
from autotune.search.space import Parameter, Space

SPACE = Space(
    "e",
    (
        Parameter("a", (1, 2), 1, "batch size"),
        Parameter("b", (1, 2), 1, "threads"),
        Parameter("c", (1, 2), 1, "polling"),
        Parameter("slots", (1, 2), 1, "cache slots"),
    ),
)
BAR = Bar.of(math.log(2.0), math.log(1.02))


def effect(ratio: float, low: float, high: float, name: str, basis: Basis = Basis.TRIALS) -> Effect:
    group = next(
        g for g in groups_of(SPACE, {"a": 2, "b": 2, "c": 2, "slots": 2}) if g.name == name
    )
    return Effect(group=group, basis=basis, ratio=ratio, low=low, high=high)


def planner(known: Mapping[str, Effect], *names: str) -> Planner:
    values = dict.fromkeys(names, 2)
    whole = {p.name: values.get(p.name, 1) for p in SPACE.parameters}
    entry = made_by_hand(3, "x", 1.0, whole, space=SPACE)
    return Planner(space=SPACE, entry=entry, groups=groups_of(SPACE, whole), bar=BAR, known=known)


def costs(launches: float | None) -> Costs:
    return Costs(left_s=None if launches is None else 5.0 * launches, short_s=5.0, whole_s=20.0)


def test_all_suspects_at_once_and_then_each_for_as_long_as_there_is_time() -> None:
    plan = planner({}, "a", "b", "c")
    # Without all three it would be the default, which is measured: one of them stays.
    assert plan.lot(costs(None)) == Lot(("a", "b", "c"), ("b", "c"), 3, whole=True)
    # Fifteen launches on the whole plan take as long as sixty on the short one.
    assert plan.lot(costs(60)) == Lot(("a", "b", "c"), ("b", "c"), 3, whole=True)
    assert plan.lot(costs(59)) == Lot(("a", "b", "c"), ("b", "c"), 3, whole=False)
    # Nine launches are three arms of three blocks: the config, all at once, and one alone.
    assert plan.lot(costs(9)) == Lot(("a",), ("b", "c"), 3, whole=False)
    assert plan.lot(costs(6)) == Lot((), ("b", "c"), 3, whole=False)
    assert plan.lot(costs(4)) == Lot((), ("b", "c"), 2, whole=False)
    assert plan.lot(costs(3.9)) is None
    assert plan.lot(costs(-1)) is None


def test_what_is_known_to_help_or_to_do_nothing_is_not_asked_again() -> None:
    helps, nothing = effect(1.3, 1.2, 1.4, "a"), effect(1.0, 0.99, 1.01, "b")
    lot = planner({"a": helps, "b": nothing}, "a", "b", "c").lot(costs(None))
    assert lot == Lot(("c",), ("b", "c"), 3, whole=True)
    assert planner({"a": helps, "b": nothing}, "a", "b").lot(costs(None)) is None


def test_one_suspect_alone_needs_no_arm_for_all_of_them() -> None:
    assert planner({}, "a").lot(costs(None)) == Lot(("a",), (), 3, whole=True)


def test_likely_ones_come_first_and_those_guessed_to_help_last() -> None:
    guess = {
        "a": effect(1.3, 1.2, 1.4, "a", Basis.GUESS),
        "b": effect(1.02, 0.9, 1.1, "b", Basis.GUESS),
        "c": effect(1.01, 0.9, 1.1, "c", Basis.GUESS),
    }
    made = planner({}, "a", "b", "c")
    told = Planner(
        space=SPACE, entry=made.entry, groups=made.groups, bar=BAR, known={}, guess=guess
    )
    assert told.lot(costs(None)) == Lot(("c", "b", "a"), ("b", "c"), 3, whole=True)


def test_what_decides_how_much_caches_hold_is_asked_on_the_whole_plan_or_not_at_all() -> None:
    plan = planner({}, "a", "slots")
    assert plan.lot(costs(None)) == Lot(("a", "slots"), (), 3, whole=True)
    # Four launches on the whole plan take as long as sixteen on the short one.
    assert plan.lot(costs(16)) == Lot(("a",), (), 2, whole=True)
    assert plan.lot(costs(15)) == Lot(("a",), (), 3, whole=False)


def test_a_lot_survives_the_disk() -> None:
    lot = Lot(("a",), ("a", "b"), 2, whole=True)
    assert Lot.from_json(lot.to_json()) == lot


def test_arms_are_the_config_and_itself_without() -> None:
    made = planner({}, "a", "b", "c")
    arms, lacks = arms_of(SPACE, made.entry, made.groups, Lot(("c",), ("a", "b"), 2, whole=False))
    assert [a.name for a in arms] == ["trial-0003", "without-2", "without-c"]
    assert [a.candidate.settings for a in arms] == [
        {"a": 2, "b": 2, "c": 2, "slots": 1},
        {"a": 1, "b": 1, "c": 2, "slots": 1},
        {"a": 2, "b": 2, "c": 1, "slots": 1},
    ]
    assert {arm: [g.name for g in gone] for arm, gone in lacks.items()} == {
        "without-2": ["a", "b"], "without-c": ["c"],
    }  # fmt: skip


def rows(arm: str, ttft_s: float, blocks: int) -> tuple[TurnRecord, ...]:
    return tuple(
        TurnRecord(
            arm=arm, block=block, order=turn, session_id=f"s{turn % 3}", turn=turn,
            started_at="2026-01-01T00:00:00+00:00", asked_output_tokens=10, depth_tokens=1000,
            cached_tokens=900, computed_tokens=100, output_tokens=10,
            ttft_s=ttft_s * (1 + 0.01 * turn), decode_tps=20.0, wall_s=9.0,
            finish_reason="length",
        )
        for block in range(blocks)
        for turn in range(9)
    )  # fmt: skip


def told(blocks: int = 2, **ttft_s: float) -> tuple[dict[str, Effect], object]:
    made = planner({}, "a", "b", "c")
    _, lacks = arms_of(SPACE, made.entry, made.groups, Lot(("b", "c"), ("a", "b"), 2, whole=False))
    records = {name.replace("_", "-"): rows(name, s, blocks) for name, s in ttft_s.items()}
    confirmed = Confirmed(records, {"without-b": "crash: it died"}, {}, blocks, 1.0)
    keys = frozenset((f"s{turn % 3}", turn) for turn in range(9))
    judge = Judge(Objective.TTFT, keys)
    return effects_of(confirmed, "trial", lacks, judge, {"ttft": 0.1})


def test_worth_is_the_time_without_over_the_time_with() -> None:
    found, together = told(trial=1.0, without_c=1.25, without_2=1.1)
    assert found["c"].ratio == pytest.approx(1.25)
    assert found["c"].low == pytest.approx(1.25)
    assert found["c"].pairs == 18
    assert found["b"].failure == "crash: it died"
    assert isinstance(together, tuple)
    assert [g.name for g in together[0]] == ["a", "b"]
    assert together[1].ratio == pytest.approx(1.1)


def test_one_block_alone_is_no_surer_than_the_machine() -> None:
    found, together = told(blocks=1, trial=1.0, without_c=1.25)
    assert found["c"].low == pytest.approx(1.25 * math.exp(-0.1), rel=1e-6)
    assert together is None
