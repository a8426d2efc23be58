"""A canary by a measurer whose times are known: what is drift, and how sure one has to be."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from canary_turns import turns_of
from measured import DEFAULT_SETTINGS, LIVE_SETTINGS, Timed

from autotune.launchers.failure import FailureKind
from autotune.nightly.canary import CanaryResult, canary
from autotune.nightly.night_record import CanaryNote
from autotune.nightly.reference import DEFAULT, LIVE, Reference
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History
from autotune.scoring.objective import Objective

ASKED = turns_of(8)
THEN = Reference(
    settings=LIVE_SETTINGS,
    default_settings=DEFAULT_SETTINGS,
    objective=Objective.TURN,
    rendering=Rendering.NATIVE,
    history=History.CLOSED_LOOP,
    seconds=dict.fromkeys(sorted(ASKED.scored), 2.0),
    default_seconds=dict.fromkeys(sorted(ASKED.scored), 4.0),
    floor=0.05,
    plan_digest=ASKED.plan.digest,
    live_run_s=10.0,
    default_run_s=10.0,
)


def seen(measurer: Timed, reference: Reference = THEN, time_s: float | None = None) -> CanaryResult:
    return canary(reference, ASKED, measurer, time_s=time_s, clock=measurer.clock)


def arms(measurer: Timed) -> list[str]:
    return [arm for arm, _ in measurer.launches]


def test_nothing_changed_is_told_by_one_look() -> None:
    measurer = Timed()
    found = seen(measurer)
    assert arms(measurer) == [LIVE, DEFAULT]
    assert not found.drifted
    assert (found.turns, found.ratio, found.machine_ratio) == (8, 1.0, 1.0)
    assert found.floor == pytest.approx(1.1052, abs=1e-4)  # exp(2 * 0.05)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.0 < found.high
    assert found.seconds == 20.0
    assert found.said.startswith("steady: 1.00x")


def test_a_slower_machine_is_drift_once_a_second_look_agrees() -> None:
    measurer = Timed(live=2.6, default=5.2)
    found = seen(measurer)
    assert arms(measurer) == [LIVE, DEFAULT, DEFAULT, LIVE]
    assert [block for _, block in measurer.launches] == [0, 1, 2, 3]
    assert found.drifted
    assert (found.ratio, found.machine_ratio) == (pytest.approx(1.3), pytest.approx(1.3))
    assert "it is the machine or the engine" in found.said


def test_a_config_that_lost_against_the_defaults_is_drift() -> None:
    found = seen(Timed(live=2.6))
    assert found.drifted
    assert "it is this config" in found.said


@pytest.mark.parametrize("live", [[2.6, 2.0], [2.6, 1.9]])
def test_one_slow_launch_is_none(live: list[float]) -> None:
    found = seen(Timed(live=live))
    assert not found.drifted
    assert "one look of two" in found.said


def test_half_of_a_drift_is_looked_at_again() -> None:
    # The floor is 1.105x. One look at 1.08x is below it, both together are above.
    measurer = Timed(live=[2.16, 2.4], default=[4.32, 4.8])
    found = seen(measurer)
    assert arms(measurer) == [LIVE, DEFAULT, DEFAULT, LIVE]
    assert found.drifted
    assert found.ratio == pytest.approx(math.sqrt(1.08 * 1.2))


def test_one_fast_launch_does_not_make_the_figures_of_then_a_bad_moment() -> None:
    found = seen(Timed(live=[1.5, 2.0], default=[3.0, 4.0]))
    assert not found.is_faster
    assert "one look of two was slower or faster" in found.said


def nights(half_width: float, slower: float, count: int = 200) -> float:
    """The share of nights with drift, on a machine on which two runs in a row differ by less than
    `half_width` in 95 of 100 cases, and a night from another by half as much."""
    luck = random.Random(7)
    launch, night = half_width / (2 * math.sqrt(2)), half_width / 4

    def drawn(seconds: float, level: float = 0.0) -> float:
        return seconds * math.exp(level + luck.gauss(0, launch))

    def then(seconds: float) -> float:
        return math.sqrt(drawn(seconds) * drawn(seconds))

    found = 0
    for _ in range(count):
        reference = replace(
            THEN,
            seconds=dict.fromkeys(sorted(ASKED.scored), then(2.0)),
            default_seconds=dict.fromkeys(sorted(ASKED.scored), then(4.0)),
            floor=half_width,
        )
        level = math.log(slower) + luck.gauss(0, night)
        tonight = Timed(
            live=[drawn(2.0, level) for _ in range(2)],
            default=[drawn(4.0, level) for _ in range(2)],
        )
        found += seen(tonight, reference).drifted
    return found / count


@pytest.mark.parametrize("half_width", [0.02, 0.05, 0.1, 0.15, 0.3])
def test_where_nothing_changed_a_night_in_a_hundred_says_drift_at_most(half_width: float) -> None:
    assert nights(half_width, slower=1.0) <= 0.01


@pytest.mark.parametrize(
    ("half_width", "share"), [(0.02, 1.0), (0.05, 1.0), (0.1, 0.85), (0.15, 0.6)]
)
def test_a_build_that_takes_1_3x_is_seen(half_width: float, share: float) -> None:
    assert nights(half_width, slower=1.3) >= share


def test_a_faster_machine_is_no_drift_but_its_figures_are_old() -> None:
    found = seen(Timed(live=1.5, default=3.0))
    assert (found.drifted, found.is_faster) == (False, True)
    assert found.said.startswith("faster: 0.75x")


def test_a_config_that_did_not_gain_with_the_machine_has_drifted() -> None:
    found = seen(Timed(live=2.0, default=3.0))
    assert found.drifted
    assert not found.is_faster
    assert "while the defaults take 0.75x" in found.said


def test_a_look_that_others_disturbed_is_taken_again() -> None:
    measurer = Timed(disturbed=(0,))
    found = seen(measurer)
    assert arms(measurer) == [LIVE, LIVE, DEFAULT]
    assert found.said.startswith("steady")


def test_disturbed_twice_says_nothing() -> None:
    found = seen(Timed(live=2.6, disturbed=(0, 1)))
    assert (found.drifted, found.ratio, found.turns) == (False, None, 0)
    assert "others used the machine" in found.said


def test_defaults_that_are_disturbed_or_do_not_run_are_left_out() -> None:
    for measurer in (Timed(disturbed=(1, 2)), Timed(default=None)):
        found = seen(measurer)
        assert (found.ratio, found.machine_ratio, found.drifted) == (1.0, None, False)


def test_a_launch_that_failed_once_is_made_again() -> None:
    measurer = Timed(live=[None, 2.0])
    found = seen(measurer)
    assert arms(measurer) == [LIVE, LIVE, DEFAULT]
    assert (found.drifted, found.failure, found.ratio) == (False, None, 1.0)


def test_figures_that_others_disturbed_are_to_be_taken_anew() -> None:
    found = seen(Timed(), replace(THEN, disturbed=True))
    assert (found.drifted, found.is_faster) == (False, True)
    assert not seen(Timed(live=2.6), replace(THEN, disturbed=True)).is_faster
    assert not seen(Timed(disturbed=(0, 1)), replace(THEN, disturbed=True)).is_faster


def test_a_config_that_does_not_run_any_more_has_drifted() -> None:
    measurer = Timed(live=None)
    found = seen(measurer)
    assert arms(measurer) == [LIVE, LIVE]
    assert found.drifted
    assert found.failure is not None
    assert found.failure.kind is FailureKind.OUT_OF_MEMORY
    assert found.said == "the config in use does not run any more: no memory left"


@pytest.mark.parametrize(
    ("time_s", "asked"),
    [(5.0, [LIVE]), (19.0, [LIVE]), (20.0, [LIVE, DEFAULT]), (40.0, [LIVE, DEFAULT] * 2)],
)
def test_the_defaults_and_the_second_look_only_with_time(time_s: float, asked: list[str]) -> None:
    measurer = Timed(live=2.6)
    found = seen(measurer, time_s=time_s)
    assert sorted(arms(measurer)) == sorted(asked)
    assert found.ratio == pytest.approx(1.3)
    # One look is none: the next night has more time.
    assert found.drifted is (len(asked) == 4)
    assert ("no time for a second one" in found.said) is (len(asked) < 4)


def test_without_the_defaults_figures_they_are_not_asked() -> None:
    measurer = Timed(live=2.6)
    found = seen(measurer, replace(THEN, default_seconds={}, default_run_s=None))
    assert arms(measurer) == [LIVE, LIVE]
    assert found.drifted
    assert "could not be asked" in found.said


def test_other_turns_are_not_compared() -> None:
    measurer = Timed()
    found = seen(measurer, replace(THEN, plan_digest="sha256:0"))
    assert (measurer.launches, found.drifted, found.ratio) == ([], False, None)
    assert "not those of then" in found.said


def test_a_night_keeps_it_as_plain_figures() -> None:
    found = seen(Timed(live=2.6))
    facts: dict[str, Any] = {name: getattr(found, name) for name in CanaryNote.__dataclass_fields__}
    assert found.note() == CanaryNote(**facts)
