"""Memory over turns: what is a leak, what is a cache, and what is nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.models.bounded import NONE, Caches
from autotune.scoring.growth import Growth, GrowthKind, Look, growth_of

MIB = 2**20
GIB = 2**30
TURNS = 8
CACHE = Caches(0, 2 * GIB, "its host prompt cache", 8 * GIB)
STATES = Caches(3 * GIB, 3 * GIB, "its host prompt cache and its context checkpoints", 9 * GIB)

Memory = Callable[[int, int, int], float]
"""Turn of all, round, and turn within its round, in; bytes out."""


def looks(memory: Memory, rounds: int = 4, turns: int = TURNS) -> list[Look]:
    """Rounds of as many turns each, 1000 tokens deeper from turn to turn."""
    return [
        Look(at, at // turns, 1000 * (at % turns + 1), round(memory(at, at // turns, at % turns)))
        for at in range(rounds * turns)
    ]


def growth(memory: Memory, caches: Caches | None = NONE, **shape: int) -> Growth:
    found = growth_of(looks(memory, **shape), where="host", free_bytes=4 * GIB, caches=caches)
    assert found is not None
    return found


def noise(at: int) -> int:
    """Some KiB up and down, without a trend."""
    return (at * 7919 % 13 - 6) * 4096


def test_memory_that_stays_is_steady() -> None:
    found = growth(lambda at, *_: GIB + noise(at))
    assert found.kind is GrowthKind.STEADY
    assert found.turns == 24
    assert found.turns_left is None


def test_the_first_touch_is_not_counted() -> None:
    # Every turn of the first round takes 100 MiB, and none after it any.
    found = growth(lambda at, round_, _: 100 * MIB * (min(at, TURNS - 1)) + noise(at))
    assert found.kind is GrowthKind.STEADY


def test_a_leak_by_hand() -> None:
    found = growth(lambda at, *_: GIB + 14 * MIB * at + noise(at))
    assert found.kind is GrowthKind.LEAK
    assert found.bytes_per_turn == pytest.approx(14 * MIB, rel=0.01)
    # 4096 MiB left, 14 a turn: 292 turns.
    assert found.turns_left == pytest.approx(292, abs=3)
    assert found.total_bytes == pytest.approx(24 * 14 * MIB, rel=0.01)


def test_what_rises_with_depth_and_falls_back_is_no_leak() -> None:
    found = growth(lambda at, round_, turn: GIB + 50 * MIB * turn + noise(at))
    assert found.kind is GrowthKind.STEADY


def test_a_cache_that_takes_a_session_when_another_comes_is_bounded() -> None:
    found = growth(lambda at, round_, _: GIB + 300 * MIB * round_ + noise(at), CACHE)
    assert found.kind is GrowthKind.BOUNDED
    assert found.cause == "its host prompt cache"
    assert found.limit_bytes == 8 * GIB
    assert found.turns_left is None
    # 300 MiB for each session of 8 turns.
    assert found.bytes_per_turn == pytest.approx(300 * MIB / 8, rel=0.01)


def test_a_leak_beside_such_a_cache_is_still_a_leak() -> None:
    found = growth(lambda at, round_, _: GIB + 300 * MIB * round_ + 2 * MIB * at, CACHE)
    assert found.kind is GrowthKind.LEAK
    assert found.bytes_per_turn == pytest.approx(2 * MIB)


def test_more_than_the_cache_was_given_is_not_the_cache() -> None:
    small = Caches(0, 64 * MIB, "its host prompt cache", 8 * GIB)
    found = growth(lambda at, round_, _: GIB + 300 * MIB * round_, small)
    assert found.kind is GrowthKind.GROWS
    assert found.cause == ""
    assert found.turns_left is not None


def test_a_cache_without_a_limit_grows_on() -> None:
    endless = Caches(0, 2 * GIB, "its host prompt cache", None)
    assert growth(lambda at, r, _: GIB + 300 * MIB * r, endless).kind is GrowthKind.GROWS


def test_growth_between_sessions_of_an_unknown_engine_is_told_and_no_leak() -> None:
    found = growth(lambda at, round_, _: GIB + 300 * MIB * round_, None)
    assert found.kind is GrowthKind.GROWS


def test_saved_states_grow_within_a_session_and_across_and_are_bounded() -> None:
    found = growth(lambda at, *_: GIB + 6 * MIB * at, STATES)
    assert found.kind is GrowthKind.BOUNDED
    assert growth(lambda at, *_: GIB + 200 * MIB * at, STATES).kind is GrowthKind.LEAK


def test_a_leak_that_would_take_weeks_is_told_and_borne() -> None:
    found = growth(lambda at, *_: GIB + 100 * 1024 * at)
    assert found.kind is GrowthKind.GROWS
    assert found.turns_left == pytest.approx(4 * GIB / (100 * 1024), rel=0.01)


def test_without_knowing_what_is_free_a_leak_has_no_end() -> None:
    rows = looks(lambda at, *_: GIB + 14 * MIB * at)
    found = growth_of(rows, where="gpu", free_bytes=None, caches=NONE)
    assert found is not None
    assert (found.kind, found.turns_left) == (GrowthKind.LEAK, None)


@pytest.mark.parametrize("shape", [{"rounds": 1}, {"rounds": 2}, {"rounds": 4, "turns": 2}])
def test_too_few_turns_say_nothing(shape: dict[str, int]) -> None:
    rows = looks(lambda at, *_: GIB + 14 * MIB * at, **shape)
    assert growth_of(rows, where="host", free_bytes=GIB, caches=NONE) is None


def test_one_jump_is_no_leak() -> None:
    found = growth(lambda at, *_: GIB + (200 * MIB if at > 18 else 0))
    assert found.kind is not GrowthKind.LEAK


@given(st.lists(st.integers(-64, 64), min_size=32, max_size=32))
def test_noise_is_never_a_leak(kib: list[int]) -> None:
    found = growth(lambda at, *_: GIB + kib[at] * 1024)
    assert found.kind is GrowthKind.STEADY


@given(st.integers(1, 64), st.integers(0, 5))
def test_a_leak_is_found_at_its_size(mib: int, jitter: int) -> None:
    found = growth(lambda at, *_: GIB + mib * MIB * at + jitter * noise(at))
    assert found.kind is GrowthKind.LEAK
    assert found.bytes_per_turn == pytest.approx(mib * MIB, rel=0.1)
