"""What a canary is compared with, taken by a measurer whose times are known."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from canary_turns import turns_of
from measured import DEFAULT_SETTINGS, LIVE_SETTINGS, Timed

from autotune.errors import MachineError
from autotune.nightly.reference import (
    DEFAULT,
    LIVE,
    MOST_FLOOR,
    Reference,
    Subject,
    take_reference,
)
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History
from autotune.scoring.noise import ASSUMED, Method, NoiseFloor
from autotune.scoring.objective import Objective

MEASURED = NoiseFloor(half_widths={"turn_s": 0.03}, pairs=5, method=Method.RUNS, measured_at="x")


def subject(floor: NoiseFloor | None = MEASURED) -> Subject:
    return Subject(
        settings=LIVE_SETTINGS, default_settings=DEFAULT_SETTINGS, objective=Objective.TURN,
        rendering=Rendering.PLAIN, history=History.CLOSED_LOOP, floor=floor,
    )  # fmt: skip


def taken(measurer: Timed, floor: NoiseFloor | None = MEASURED) -> Reference:
    now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    return take_reference(subject(floor), turns_of(8), measurer, lambda: now)


def test_both_are_measured_twice_in_turns() -> None:
    measurer = Timed(live=[1.0, 4.0], default=[2.0, 8.0])
    found = taken(measurer)
    assert measurer.launches == [(LIVE, 0), (DEFAULT, 0), (DEFAULT, 1), (LIVE, 1)]
    # ttft is half of the turn, and 2 tokens at 4 / turn a second are the other half.
    assert set(found.seconds) == set(turns_of(8).scored)
    assert list(found.seconds.values()) == [pytest.approx(2.0)] * 8
    assert list(found.default_seconds.values()) == [pytest.approx(4.0)] * 8
    assert (found.floor, found.live_run_s, found.default_run_s) == (0.03, 10.0, 10.0)
    assert found.measured_at == "2026-11-23T03:00:00+00:00"
    assert found.plan_digest == turns_of(8).plan.digest


def test_defaults_that_do_not_run_are_left_out() -> None:
    measurer = Timed(default=None)
    found = taken(measurer)
    assert [arm for arm, _ in measurer.launches] == [LIVE, DEFAULT, LIVE]
    assert (found.default_seconds, found.default_run_s) == ({}, None)


def test_a_config_that_does_not_run_has_no_figures() -> None:
    with pytest.raises(MachineError, match="could not be measured for later nights: no memory"):
        taken(Timed(live=None))


@pytest.mark.parametrize(
    ("live", "default", "floor"),
    [
        (2.0, 4.0, 0.0),
        ([2.0, 2.2], 4.0, math.log(1.1)),
        (2.0, [4.0, 3.2], math.log(1.25)),
        ([2.0, 9.0], 4.0, MOST_FLOOR),
    ],
)
def test_without_a_measured_floor_the_runs_here_tell_it(
    live: float | list[float], default: float | list[float], floor: float
) -> None:
    for unmeasured in (None, NoiseFloor()):
        found = taken(Timed(live=live, default=default), unmeasured)
        assert found.floor == pytest.approx(floor)


def test_too_few_turns_for_a_floor_have_the_assumed_one() -> None:
    assert take_reference(subject(None), turns_of(3), Timed()).floor == ASSUMED


def test_a_run_that_others_disturbed_is_made_again() -> None:
    measurer = Timed(disturbed=(1,))
    found = taken(measurer)
    assert measurer.launches == [(LIVE, 0), (DEFAULT, 0), (DEFAULT, 4), (DEFAULT, 1), (LIVE, 1)]
    assert (found.disturbed, found.floor) == (False, 0.03)


def test_disturbed_again_it_counts_and_the_figures_say_so() -> None:
    measurer = Timed(live=[1.0, 2.0, 2.0], disturbed=(0, 1))
    found = taken(measurer)
    assert [arm for arm, _ in measurer.launches] == [LIVE, LIVE, DEFAULT, DEFAULT, LIVE]
    assert list(found.seconds.values()) == [pytest.approx(2.0)] * 8
    assert (found.disturbed, found.floor) == (True, ASSUMED)


def test_it_goes_to_disk_and_back() -> None:
    found = taken(Timed())
    data = json.loads(json.dumps(found.to_json()))
    assert Reference.from_json(data, "reference.json") == found


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "reference.json holds no figures that this version knows"),
        ({"schema_version": "canary-reference/1"}, "reference.json is damaged"),
    ],
)
def test_what_is_damaged_is_said(data: dict[str, str], message: str) -> None:
    with pytest.raises(MachineError, match=message):
        Reference.from_json(data, "reference.json")
