"""What prompts carry: decided from the arms, and said."""

from __future__ import annotations

from pathlib import Path

import pytest
from quick_arms import arm_of, request_of

from autotune.compare.history import OF_CACHE, OF_MANY, choose_histories
from autotune.errors import UserError
from autotune.launchers.protocol import CacheArm
from autotune.replay.plan import History

CLOSED, RECORDED = History.CLOSED_LOOP, History.RECORDED
ON, OFF = arm_of("on", CacheArm.ON), arm_of("off", CacheArm.OFF)


def test_arms_that_switch_the_cache_get_identical_prompts() -> None:
    for said in (None, CLOSED, RECORDED):
        found = choose_histories(request_of(ON, OFF, arm_of("default"), history=said))
        assert set(found.of.values()) == {RECORDED}
        assert found.notes == (OF_CACHE,)


def test_an_arm_that_switches_the_cache_cannot_be_in_closed_loop() -> None:
    with pytest.raises(UserError, match="identical prompts"):
        choose_histories(request_of(ON, arm_of("off", CacheArm.OFF, CLOSED)))


def test_one_engine_is_in_closed_loop_as_in_a_study() -> None:
    found = choose_histories(request_of(arm_of("default"), arm_of("s", settings={"a": 1})))
    assert (set(found.of.values()), found.notes) == ({CLOSED}, ())


@pytest.mark.parametrize(
    "other", [arm_of("far", url="http://localhost:1"), arm_of("b", model=Path("/m/b.gguf"))]
)
def test_different_servers_get_the_same_prompts(other: object) -> None:
    request = request_of(arm_of("default"), other)  # type: ignore[arg-type]
    found = choose_histories(request)
    assert (set(found.of.values()), found.notes) == ({RECORDED}, (OF_MANY,))


def test_what_an_arm_says_of_itself_wins_over_what_is_said_of_all() -> None:
    recorded = arm_of("history=recorded", history=RECORDED)
    found = choose_histories(request_of(arm_of("default"), recorded))
    assert found.of == {"default": CLOSED, "history=recorded": RECORDED}
    found = choose_histories(request_of(arm_of("default"), recorded, history=RECORDED))
    assert set(found.of.values()) == {RECORDED}
