"""What is compared: its folder's name, and whether it is an experiment with the cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from quick_arms import arm_of, request_of

from autotune.errors import UserError
from autotune.launchers.protocol import CacheArm
from autotune.replay.plan import History

ON, OFF = arm_of("cache=on", CacheArm.ON), arm_of("cache=off", CacheArm.OFF)


def test_the_folder_is_named_after_what_is_compared_and_not_after_how_long() -> None:
    name = request_of(ON, OFF).name
    assert name.startswith("cache-on-vs-cache-off-")
    assert request_of(ON, OFF, until=0.01, blocks=9, budget_s=5.0).name == name
    assert request_of(OFF, ON).name != name
    assert request_of(ON, OFF, seed=1).name != name
    assert request_of(ON, arm_of("cache=off", CacheArm.OFF, model=Path("/m/b.gguf"))).name != name


def test_a_long_name_is_cut_and_a_given_one_is_kept() -> None:
    assert len(request_of(*(arm_of(f"study-{n}" * 9) for n in range(4))).name) <= 48 + 9
    assert request_of(ON, OFF, study="mine").name == "mine"
    with pytest.raises(UserError, match="cannot name"):
        _ = request_of(ON, OFF, study="../mine").name


@pytest.mark.parametrize(
    ("arms", "is_one"),
    [
        ((ON, OFF), True),
        ((OFF, ON), True),
        ((ON, OFF, arm_of("default")), False),
        ((ON, arm_of("default")), False),
        ((ON, arm_of("s,cache=off", CacheArm.OFF, settings={"threads": 2})), False),
        ((ON, arm_of("x", CacheArm.OFF, History.RECORDED)), False),
    ],
)
def test_an_experiment_with_the_cache_changes_nothing_else(arms: tuple, is_one: bool) -> None:  # type: ignore[type-arg]
    assert request_of(*arms).is_cache_experiment is is_one


def test_an_arm_is_launched_or_attached() -> None:
    far = arm_of("far", url="http://localhost:1")
    assert (ON.launched is None, ON.attached) == (False, None)
    assert (far.launched, far.attached is None) == (None, False)
