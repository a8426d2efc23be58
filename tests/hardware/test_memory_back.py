"""Memory of a stopped engine: waited for, not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from autotune.hardware.memory_back import MIB, MemoryWatch

GIB = 2**30


def watch(free: Iterator[int | None], slept: list[float]) -> MemoryWatch:
    """A clock that moves by what is slept."""
    return MemoryWatch(
        free_bytes=lambda: next(free),
        clock=lambda: sum(slept),
        sleep=slept.append,
        timeout_s=1.0,
    )


def test_memory_that_comes_back_is_waited_for() -> None:
    slept: list[float] = []
    free = chain([4 * GIB, 9 * GIB, 20 * GIB - 100 * MIB], repeat(None))
    assert watch(iter(free), slept).missing_bytes(20 * GIB) == 0
    assert len(slept) == 2


def test_memory_that_does_not_is_told_after_the_time_given() -> None:
    slept: list[float] = []
    assert watch(repeat(17 * GIB), slept).missing_bytes(20 * GIB) == 3 * GIB
    assert sum(slept) == pytest.approx(1.0, abs=0.11)


def test_what_cannot_be_told_is_unknown_at_once() -> None:
    slept: list[float] = []
    assert watch(repeat(GIB), slept).missing_bytes(None) is None
    assert watch(repeat(None), slept).missing_bytes(GIB) is None
    assert slept == []
