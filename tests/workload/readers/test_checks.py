from __future__ import annotations

import math
from typing import Any

import pytest

from autotune.workload.readers.checks import (
    count,
    difference_ms,
    epoch_ms,
    mapping,
    number,
    objects,
    span_ms,
    text,
    unpacked,
)

ODD: tuple[Any, ...] = (None, True, "7", [], {}, -1, 0.5, math.inf, 10**400)


@pytest.mark.parametrize("value", ODD)
def test_what_is_no_count_is_absent(value: Any) -> None:
    assert count(value) is None


def test_counts_and_spans() -> None:
    assert [count(0), count(7), count(7.0)] == [0, 7, 7]
    assert [span_ms(0), span_ms(1.5), span_ms(-1), span_ms("1"), span_ms(True)] == [
        *(0.0, 1.5),
        *(None, None, None),
    ]
    assert [number(-2), number(10**400), number(math.inf)] == [-2.0, None, None]


@pytest.mark.parametrize(
    "value",
    [
        1_777_881_600,
        1_777_881_600_000,
        1_777_881_600_000_000,
        1_777_881_600_000_000_000,
        "2026-05-04T08:00:00Z",
        "2026-05-04T08:00:00",
        "2026-05-04 10:00:00.000000+02:00",
    ],
)
def test_the_size_of_a_time_tells_its_unit(value: Any) -> None:
    assert epoch_ms(value) == 1_777_881_600_000.0


@pytest.mark.parametrize("value", [None, 0, -5, "", "soon", [], True, math.inf])
def test_what_is_no_time_is_absent(value: Any) -> None:
    assert epoch_ms(value) is None


def test_clocks_that_ran_backwards_tell_nothing() -> None:
    assert difference_ms(1.0, 3.0) == 2.0
    assert difference_ms(3.0, 1.0) is None
    assert difference_ms(None, 1.0) is None


def test_shapes() -> None:
    assert mapping([1]) == {}
    assert objects([{"a": 1}, 2, {}]) == [{"a": 1}, {}]
    assert objects({}) == []
    assert (text(""), text(5), text("a")) == (None, None, "a")
    assert text("a\ud800") == "a\\ud800"


def test_json_in_a_string() -> None:
    assert unpacked(' {"a": [1]}') == {"a": [1]}
    assert unpacked("[1") == "[1"
    assert unpacked("plain") == "plain"
    assert unpacked("[" * 100_000) == "[" * 100_000
