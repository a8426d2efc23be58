"""The confirmation: interleaved arms, paired turns, and blocks that a kill does not lose."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from formula import Bench, FormulaMeasurer, plan_of, ttft_of
from steady import CORES, busy

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn
from autotune.scoring.comparison import CONFIDENCE, Statistic
from autotune.scoring.noise import Method, NoiseFloor
from autotune.scoring.objective import Objective
from autotune.search.budget import Budget
from autotune.search.confirm import (
    DEFAULT_ARM,
    EARLIER_DISTURBED,
    FIRST_LOOK,
    SECOND_LOOK,
    TURNS_LOOK,
    Arm,
    Confirmation,
    Confirmed,
    finished_blocks,
)
from autotune.search.events import MORE, ConfirmBlock, ConfirmStarted
from autotune.search.judge import Judge
from autotune.search.outcome import disturbance_notes
from autotune.search.remeasure import Remeasure

BASE: Mapping[str, Setting] = {"batch-size": 512, "threads": 2, "spec-type": "none"}
PLAN = plan_of(sessions=3)
FLOOR = NoiseFloor(half_widths={"turn_s": 0.3, "ttft": 0.3}, pairs=3, method=Method.RUNS)
ARMS = (
    Arm(DEFAULT_ARM, Candidate(BASE), 0),
    Arm("trial-0003", Candidate({**BASE, "batch-size": 128}), 3),
    Arm("trial-0005", Candidate({**BASE, "threads": 4}), 5),
)


def confirm(bench: Bench, measurer: FormulaMeasurer, **more: Any) -> Confirmed:
    keys = frozenset((p.turn.session_id, p.turn.index) for p in PLAN.turns)
    log = bench.folder.turn_log()
    limit, arms = more.pop("limit_s", None), more.pop("arms", ARMS)
    try:
        fields: dict[str, Any] = {
            "plan": PLAN,
            "measurer": measurer,
            "judge": Judge(Objective.TURN, keys),
            "log": log,
            "listener": bench.events.append,
            "round_name": "confirm-0009",
            "blocks": 3,
            "budget": Budget(limit, None, time.monotonic, time.monotonic()),
            "seed": 0,
            "held_out": True,
            "stop": threading.Event(),
        }
        return Confirmation(**{**fields, **more}).run(arms)
    finally:
        log.close()


def test_arms_take_turns_and_the_order_turns_around(bench: Bench) -> None:
    measurer = FormulaMeasurer()
    confirm(bench, measurer)
    names = [(arm.removeprefix("confirm-0009-"), block) for arm, block in measurer.arms]
    there = [DEFAULT_ARM, "trial-0003", "trial-0005"]
    assert names == [
        *[(name, 0) for name in there],
        *[(name, 1) for name in reversed(there)],
        *[(name, 2) for name in there],
    ]


def test_the_ratio_is_the_one_worked_out_by_hand(bench: Bench) -> None:
    found = confirm(bench, FormulaMeasurer())
    # Orders 0..5 put the median TTFT at 1.025 of the formula; ten tokens at 20 tok/s add 0.5 s.
    default, faster = 1.5 * 1.025 + 0.5, 1.125 * 1.025 + 0.5
    comparison = found.comparisons["trial-0003"]
    assert comparison.ratio == pytest.approx(default / faster)
    assert comparison.wins
    slower = found.comparisons["trial-0005"]
    assert slower.ratio < 1
    assert not slower.wins
    assert (comparison.pairs, comparison.sessions, found.blocks) == (18, 3, 3)


def test_events_name_the_arms_and_every_block(bench: Bench) -> None:
    confirm(bench, FormulaMeasurer())
    assert isinstance(bench.events[0], ConfirmStarted)
    assert bench.events[0].held_out
    assert sum(isinstance(e, ConfirmBlock) for e in bench.events) == 9


def failing(name: str, value: Setting) -> FormulaMeasurer:
    def fails(settings: Mapping[str, Setting]) -> Failure | None:
        crashed = Failure(FailureKind.CRASH, "it died")
        return crashed if settings[name] == value else None

    return FormulaMeasurer(fails=fails)


def test_an_arm_that_fails_is_dropped_and_the_others_go_on(bench: Bench) -> None:
    found = confirm(bench, failing("batch-size", 128))
    assert "it died" in found.failed["trial-0003"]
    assert set(found.comparisons) == {"trial-0005"}
    assert found.blocks == 3


def test_without_the_default_nothing_is_compared(bench: Bench) -> None:
    def fails(settings: Mapping[str, Setting]) -> Failure | None:
        return Failure(FailureKind.CRASH, "it died") if settings == BASE else None

    found = confirm(bench, FormulaMeasurer(fails=fails))
    assert DEFAULT_ARM in found.failed
    assert found.comparisons == {}


@dataclass
class DiesLater:
    """The defaults run whole so many times, and never again."""

    times: int
    left: int = 0

    def __post_init__(self) -> None:
        self.left = self.times

    def __call__(self, settings: Mapping[str, Setting]) -> Failure | None:
        if settings != BASE:
            return None
        self.left -= 1
        return None if self.left >= 0 else Failure(FailureKind.CRASH, "it died")


def test_whole_blocks_stand_when_the_default_fails_later(bench: Bench) -> None:
    measurer = FormulaMeasurer(fails=DiesLater(2))
    found = confirm(bench, measurer)
    assert "it died" in found.failed[DEFAULT_ARM]
    assert found.blocks == 2
    alike = confirm(bench, FormulaMeasurer(), blocks=2)
    assert found.comparisons == alike.comparisons
    # The third block begins with the default, which has three tries; nothing is measured after it.
    assert [arm for arm, block in measurer.arms if block == 2] == ["confirm-0009-default"] * 3


def test_a_promised_block_is_made_again_even_if_it_ends_a_little_late(bench: Bench) -> None:
    def blocks(limit_s: float) -> int:
        fails, calls = DiesLater(2), [0]

        def once(settings: Mapping[str, Setting]) -> Failure | None:
            calls[0] += 1
            found = fails(settings)
            fails.left = 9 if found else fails.left
            return found

        measurer = FormulaMeasurer(fails=once)
        budget = Budget(limit_s, None, lambda: 10.0 * calls[0], 0.0)
        return confirm(bench, measurer, arms=TWO, budget=budget).blocks

    # The default dies after 50 s; again and the other arm take until 70: 3% late of 68 s, and too
    # late of 67.5 s.
    assert (blocks(68.0), blocks(67.5)) == (3, 2)


def test_a_budget_that_is_spent_leaves_one_block(bench: Bench) -> None:
    assert confirm(bench, FormulaMeasurer(), limit_s=0.0).blocks == 1


def test_a_block_that_was_promised_may_end_a_little_late(bench: Bench) -> None:
    def blocks(limit_s: float) -> int:
        measurer = FormulaMeasurer()  # 10 s a launch, 20 s a block of two arms
        budget = Budget(limit_s, None, lambda: 10.0 * len(measurer.arms), 0.0)
        return confirm(bench, measurer, arms=TWO, budget=budget).blocks

    # The third ends after 60 s: 3% late of 58.5 s, and too late of 58 s.
    assert (blocks(58.5), blocks(58.0)) == (3, 2)


def test_further_blocks_are_never_late(bench: Bench) -> None:
    measurer = loud(*LOUD)
    budget = Budget(79.0, None, lambda: 10.0 * len(measurer.arms), 0.0)
    assert confirm(bench, measurer, arms=TWO, more=3, budget=budget).blocks == 3


def test_finished_blocks_are_not_measured_again(bench: Bench) -> None:
    whole = confirm(bench, FormulaMeasurer())
    again = FormulaMeasurer()
    earlier = finished_blocks(list(bench.folder.read_turns()))
    found = confirm(bench, again, earlier=earlier, limit_s=0.0)
    assert again.arms == []
    assert found.comparisons == whole.comparisons


def test_a_block_cut_short_is_measured_again(bench: Bench) -> None:
    confirm(bench, FormulaMeasurer())
    records = [r for r in bench.folder.read_turns() if not (r.block == 2 and r.order > 2)]
    again = FormulaMeasurer()
    confirm(bench, again, earlier=finished_blocks(records))
    assert {block for _, block in again.arms} == {2}


def loud(*factors: float) -> FormulaMeasurer:
    """The candidate of 128 takes so many times as long, a launch each."""
    left = iter(factors)
    now = {"factor": 1.0}

    def before(_: int) -> None:
        now["factor"] = next(left)

    def scale(settings: Mapping[str, Setting]) -> float:
        return ttft_of(settings) * (now["factor"] if settings["batch-size"] == 128 else 1.0)

    return FormulaMeasurer(before=before, scale=scale)


TWO = ARMS[:2]
LOUD = (1.0, 0.7, 1.0, 1.0, 1.0, 1.6)
"""Blocks turn around: the candidate is the second, the first, the second of its block. Its three
launches take 0.7, 1.0 and 1.6 times as long, so on average it is hardly faster and unsure."""

CALM = (1.0,) * 6


def test_a_verdict_that_is_open_gets_more_blocks_and_a_second_stricter_look(bench: Bench) -> None:
    short = confirm(bench, loud(*LOUD), arms=TWO, round_name="confirm-0001")
    assert not short.comparisons["trial-0003"].wins
    measurer = loud(1.0, 0.7, 0.8, 1.0, 1.0, 1.15, *CALM)
    found = confirm(bench, measurer, arms=TWO, more=3)
    assert found.blocks == 6
    assert [block for _, block in measurer.arms] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    comparison = found.comparisons["trial-0003"]
    assert comparison.confidence == pytest.approx(SECOND_LOOK)
    assert comparison.pairs == 36
    told = [e for e in bench.events if isinstance(e, ConfirmStarted) and e.stage == MORE]
    assert [e.blocks for e in told] == [3]


def test_a_clear_verdict_takes_no_more_blocks(bench: Bench) -> None:
    found = confirm(bench, FormulaMeasurer(), arms=TWO, more=3)
    assert found.blocks == 3
    assert found.comparisons["trial-0003"].wins
    assert found.comparisons["trial-0003"].confidence == pytest.approx(FIRST_LOOK)


@dataclass
class UnlikeSessions(FormulaMeasurer):
    """Every turn of a session takes its seconds; the candidate of 128 is as often faster."""

    seconds: Sequence[float] = (1.0, 16.0, 8.0, 16.0, 4.0, 8.0)
    faster: Sequence[float] = (2.4, 1.8, 1.4, 2.4, 2.8, 1.8)

    def _record(self, candidate: Candidate, p: PlannedTurn, arm: str, block: int) -> TurnRecord:
        record = super()._record(candidate, p, arm, block)
        number = int(record.session_id.removeprefix("s"))
        gain = self.faster[number] if candidate.settings["batch-size"] == 128 else 1.0
        return replace(record, ttft_s=self.seconds[number] / gain)


def unlike(bench: Bench, name: str, more: int) -> Confirmed:
    plan = plan_of(sessions=6)
    keys = frozenset((p.turn.session_id, p.turn.index) for p in plan.turns)
    judge = Judge(Objective.TTFT, keys)
    return confirm(
        bench, UnlikeSessions(), arms=TWO, plan=plan, judge=judge, more=more, round_name=name
    )


def test_where_sessions_are_unlike_a_win_may_be_one_turn_by_turn(bench: Bench) -> None:
    found = unlike(bench, "confirm-0001", 3)
    comparison = found.comparisons["trial-0003"]
    assert comparison.statistic is Statistic.TURNS
    # The sixth root of 2.4 * 1.8 * 1.4 * 2.4 * 2.8 * 1.8 = 73.16.
    assert comparison.ratio == pytest.approx(2.0449, abs=1e-3)
    assert comparison.confidence == pytest.approx(TURNS_LOOK)
    assert comparison.wins
    assert found.blocks == 3
    # The middle of all turns goes from 8 to 5.08 s, and every drawn session moves it.
    medians = unlike(bench, "confirm-0002", 0).comparisons["trial-0003"]
    assert medians.statistic is Statistic.MEDIANS
    assert medians.ratio == pytest.approx(8 / ((8 / 1.4 + 8 / 1.8) / 2))
    assert not medians.wins


def test_three_chances_share_one_risk() -> None:
    # Of equal configs half of the misses are wins.
    risks = [(1 - look) / 2 for look in (FIRST_LOOK, TURNS_LOOK, SECOND_LOOK)]
    assert sum(risks) == pytest.approx(1 - CONFIDENCE)


def test_what_is_not_faster_is_not_worth_more_blocks(bench: Bench) -> None:
    assert confirm(bench, FormulaMeasurer(scale=lambda _: 1.0), arms=TWO, more=3).blocks == 3


def test_more_blocks_end_with_the_budget(bench: Bench) -> None:
    assert confirm(bench, loud(*LOUD), arms=TWO, more=3, limit_s=0.0).blocks == 1


def test_a_run_that_goes_on_looks_twice_as_well_and_measures_nothing_again(bench: Bench) -> None:
    factors = (1.0, 0.7, 0.8, 1.0, 1.0, 1.15, *CALM)
    whole = confirm(bench, loud(*factors), arms=TWO, more=3)
    again = FormulaMeasurer()
    earlier = finished_blocks(list(bench.folder.read_turns()))
    found = confirm(bench, again, arms=TWO, more=3, earlier=earlier, limit_s=0.0)
    assert again.arms == []
    assert found.comparisons == whole.comparisons


def test_a_stop_ends_after_the_measurement_under_way(bench: Bench) -> None:
    stop = threading.Event()
    measurer = FormulaMeasurer(before=lambda count: stop.set() if count == 1 else None)
    confirm(bench, measurer, stop=stop)
    assert len(measurer.arms) == 2


def test_equal_arms_cannot_be_told_apart(bench: Bench) -> None:
    found = confirm(bench, FormulaMeasurer(scale=lambda _: 1.0))
    for comparison in found.comparisons.values():
        assert comparison.ratio == pytest.approx(1.0)
        assert not comparison.wins
    assert ttft_of(BASE) == 1.5


def test_a_machine_that_was_not_quiet_is_said(bench: Bench) -> None:
    noisy = {"contaminated": True, "reasons": ["others took 1.2 cores"]}
    found = confirm(bench, FormulaMeasurer(telemetry=noisy))
    assert found.disturbed == ("others took 1.2 cores",) * 9
    (note,) = disturbance_notes(found)
    assert "9 confirmation runs" in note
    assert "1.2 cores" in note
    assert disturbance_notes(confirm(bench, FormulaMeasurer())) == []


def test_a_disturbed_block_is_measured_again_and_never_compared(bench: Bench) -> None:
    log = bench.folder.turn_log()
    clean = Remeasure(log=log, cores=CORES)
    quiet = confirm(bench, FormulaMeasurer())
    found = confirm(bench, busy(2), clean=clean, round_name="confirm-0010", floor=FLOOR)
    log.close()
    assert found.comparisons == quiet.comparisons
    assert found.disturbed == ()
    arms = {r.arm for r in bench.folder.read_turns()}
    assert "confirm-0010-trial-0003~1" in arms


def test_where_it_never_gets_quiet_the_intervals_are_widened_by_the_floor(bench: Bench) -> None:
    log = bench.folder.turn_log()
    clean = Remeasure(log=log, cores=CORES)
    always = busy(*range(99))
    found = confirm(bench, always, clean=clean, round_name="confirm-0010", floor=FLOOR)
    log.close()
    assert clean.gave_up or len(always.arms) < 3 * 9
    assert found.disturbed
    same = confirm(bench, busy(*range(99)), round_name="confirm-0011")
    wide, narrow = found.comparisons["trial-0003"], same.comparisons["trial-0003"]
    assert wide.ratio == pytest.approx(narrow.ratio)
    assert wide.low is not None
    assert narrow.low is not None
    # exp(-0.3) of a bound that stood above 1: nothing is claimed any more.
    assert wide.low <= narrow.low * math.exp(-0.29)
    assert narrow.wins
    assert not wide.wins


def test_blocks_of_an_earlier_run_that_were_disturbed_are_known_to_be(bench: Bench) -> None:
    confirm(bench, busy(*range(99)))
    earlier = finished_blocks(list(bench.folder.read_turns()))
    found = confirm(bench, FormulaMeasurer(), earlier=earlier, floor=FLOOR)
    assert set(found.disturbed) == {EARLIER_DISTURBED}
    assert found.comparisons["trial-0003"].floor == FLOOR.half_widths
