"""Who is confirmed beside the default, and how the heat chooses; numbers worked out by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from formula import Bench, FormulaMeasurer, plan_of

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.scoring.objective import Objective
from autotune.search.budget import Budget
from autotune.search.confirm import Confirmation, Confirmed, finished_blocks
from autotune.search.finals import contenders, in_use, launches, prove, room_for, sides
from autotune.search.judge import Judge
from autotune.search.ledger import COMPLETE, Entry, Ledger
from autotune.search.planned import INCUMBENT

PLAN = plan_of(sessions=3)
BASE: Mapping[str, Setting] = {"batch-size": 512, "threads": 2, "spec-type": "none"}


def entry(number: int, value: float, **changed: Setting) -> Entry:
    settings = {**BASE, **changed}
    label = "" if number else "default"
    key = Candidate(settings).key
    return Entry(number, key, COMPLETE, value, label, settings, {}, {}, 1, None, None)


def ledger(*entries: Entry) -> Ledger:
    made = Ledger()
    for one in entries:
        made.add(one)
    return made


def names(*values: float, most: int = 3) -> list[str]:
    rows = (entry(n, value, threads=n + 2) for n, value in enumerate(values))
    return [arm.name for arm in contenders(ledger(*rows), most)]


def test_the_default_comes_first_and_the_best_follow_as_far_as_they_are_close() -> None:
    assert names(2.0, 1.5, 1.0) == ["default", "trial-0002"]
    assert names(2.0, 1.14, 1.0, 1.16) == ["default", "trial-0002", "trial-0001"]
    assert names(9.0, 1.0, 1.1, 1.05, 1.01) == [
        "default", "trial-0001", "trial-0004", "trial-0003",
    ]  # fmt: skip
    assert names(2.0, 1.04, 1.0, most=1) == ["default", "trial-0002"]


def test_when_the_default_is_best_the_next_best_is_still_confirmed() -> None:
    assert names(1.0, 1.5) == ["default", "trial-0001"]


def test_a_default_alone_has_no_one_beside_it() -> None:
    assert names(1.0) == ["default"]


def test_room_is_what_is_left_beside_the_blocks_of_two_arms() -> None:
    # Three blocks of two arms are six launches of 10 s, 75 s with a quarter more; 105 s hold three
    # for a heat beside them, 95 s hold two.
    assert launches(ledger(), 3) == 9
    assert [room_for(left, 10.0, 3) for left in (200.0, 105.0, 95.0, 94.0, 0.0)] == [3, 3, 2, 1, 1]
    assert room_for(None, 10.0, 3) == 3


# Trial 1 was lucky: the search has it at 0.9, the formula knows that four threads are slow.
KNOWN = ledger(
    entry(0, 2.0),
    entry(1, 0.90, threads=4),
    entry(2, 0.95, **{"batch-size": 128}),
    entry(3, 0.96, **{"batch-size": 256}),
)


def proved(
    bench: Bench, measurer: FormulaMeasurer, room: int = 3, known: Ledger = KNOWN, **more: Any
) -> Confirmed:
    keys = frozenset((p.turn.session_id, p.turn.index) for p in PLAN.turns)
    log = bench.folder.turn_log()

    def make(stem: str, blocks: int) -> Confirmation:
        fields: dict[str, Any] = {
            "plan": PLAN,
            "measurer": measurer,
            "judge": Judge(Objective.TURN, keys),
            "log": log,
            "listener": bench.events.append,
            "round_name": f"{stem}-0004",
            "blocks": blocks,
            "budget": Budget(None, None, time.monotonic, time.monotonic()),
            "seed": 0,
            "held_out": True,
            "stop": threading.Event(),
        }
        return Confirmation(**{**fields, **more})

    try:
        return prove(known, make, 2, room)
    finally:
        log.close()


def test_the_heat_finds_the_lucky_one_out_and_its_records_are_not_in_the_verdict(
    bench: Bench,
) -> None:
    measurer = FormulaMeasurer()
    found = proved(bench, measurer)
    assert [arm for arm, _ in measurer.arms] == [
        "heat-0004-trial-0001", "heat-0004-trial-0002", "heat-0004-trial-0003",
        "confirm-0004-default", "confirm-0004-trial-0002",
        "confirm-0004-trial-0002", "confirm-0004-default",
    ]  # fmt: skip
    assert set(found.comparisons) == {"trial-0002"}
    # 3 sessions of 2 turns, 2 blocks: the heat's six turns of trial 2 are not among the pairs.
    assert found.comparisons["trial-0002"].pairs == 12
    assert found.seconds == pytest.approx(7 * 10.0)


def test_without_room_the_best_of_the_search_goes_straight_on(bench: Bench) -> None:
    measurer = FormulaMeasurer()
    found = proved(bench, measurer, room=1)
    assert set(found.comparisons) == {"trial-0001"}
    assert not any(arm.startswith("heat") for arm, _ in measurer.arms)


def crash_on(name: str, *values: Setting) -> FormulaMeasurer:
    def fails(settings: Mapping[str, Setting]) -> Failure | None:
        return Failure(FailureKind.CRASH, "it died") if settings[name] in values else None

    return FormulaMeasurer(fails=fails)


def test_who_fails_in_the_heat_is_out_and_said(bench: Bench) -> None:
    found = proved(bench, crash_on("batch-size", 128))
    assert set(found.comparisons) == {"trial-0003"}
    assert "it died" in found.failed["trial-0002"]


def test_a_heat_that_nobody_survives_leaves_the_default_alone(bench: Bench) -> None:
    measurer = FormulaMeasurer(
        fails=lambda s: None if s == BASE else Failure(FailureKind.CRASH, "it died")
    )
    found = proved(bench, measurer)
    assert found.comparisons == {}
    assert set(found.failed) == {"trial-0001", "trial-0002", "trial-0003"}
    assert set(found.records) == {"default"}


def test_what_a_former_run_measured_is_not_measured_again(bench: Bench) -> None:
    whole = proved(bench, FormulaMeasurer())
    again = FormulaMeasurer()
    earlier = finished_blocks(list(bench.folder.read_turns()))
    assert proved(bench, again, earlier=earlier).comparisons == whole.comparisons
    assert again.arms == []


def with_incumbent(*entries: Entry) -> Ledger:
    """Trial 1, of 256, is the config in use."""
    used = replace(entry(1, 1.2, **{"batch-size": 256}), label=INCUMBENT)
    return ledger(entry(0, 2.0), used, *entries)


def test_the_config_in_use_is_confirmed_beside_what_was_found(bench: Bench) -> None:
    known = with_incumbent(entry(2, 0.95, **{"batch-size": 128}))
    measurer = FormulaMeasurer()
    found = proved(bench, measurer, known=known)
    assert [arm.removeprefix("confirm-0004-") for arm, _ in measurer.arms] == [
        "default", "trial-0001", "trial-0002", "trial-0002", "trial-0001", "default",
    ]  # fmt: skip
    assert found.in_use == "trial-0001"
    assert set(found.comparisons) == {"trial-0001", "trial-0002"}
    # To the first token a batch of 128 takes 1.125 s, one of 256 takes 1.25 and the default 1.5;
    # the orders put the median at 1.025 of that, and ten tokens at 20 tok/s add 0.5 s.
    used, found_s, default = (x * 1.025 + 0.5 for x in (1.25, 1.125, 1.5))
    assert found.over_in_use["trial-0002"].ratio == pytest.approx(used / found_s)
    assert found.over_in_use["default"].ratio == pytest.approx(used / default)


def test_where_it_is_the_best_it_is_confirmed_once_and_as_it_is(bench: Bench) -> None:
    measurer = FormulaMeasurer()
    found = proved(bench, measurer, known=with_incumbent())
    assert {arm for arm, _ in measurer.arms} == {"confirm-0004-default", "confirm-0004-trial-0001"}
    assert found.in_use == "trial-0001"


def test_three_sides_take_three_launches_a_block() -> None:
    assert sides(with_incumbent()) == 2
    both = with_incumbent(entry(2, 0.95, **{"batch-size": 128}))
    assert sides(both) == 3
    # One rival is close to the best: no heat, and three blocks of three arms.
    assert launches(both, 3) == 9
    # Nine launches of 10 s and a quarter more are 112.5 s.
    assert room_for(133.0, 10.0, 3, sides(both)) == 2
    assert room_for(132.0, 10.0, 3, sides(both)) == 1


def test_a_config_in_use_that_is_the_default_or_never_ran_is_none() -> None:
    assert in_use(ledger(entry(0, 2.0), entry(1, 1.0, threads=4))) is None
    assert in_use(ledger(entry(0, 2.0), replace(entry(1, 2.0), label=INCUMBENT))) is None
    failed = replace(entry(1, 2.0, threads=4), label=INCUMBENT, value=None, outcome="failed")
    assert in_use(ledger(entry(0, 2.0), failed)) is None
