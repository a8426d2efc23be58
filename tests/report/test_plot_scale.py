"""Axes: shares and ticks by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.report.plot_scale import Linear, Log, linear_over, log_over, tick_label


def test_a_linear_axis() -> None:
    scale = Linear(0.0, 200.0)
    assert [scale.share(v) for v in (0, 50, 200, 300, -5)] == [0.0, 0.25, 1.0, 1.0, 0.0]
    assert scale.ticks() == (0, 50, 100, 150, 200)


def test_a_linear_axis_that_goes_below_zero() -> None:
    scale = Linear(-2.0, 10.0)
    assert scale.ticks() == (-2, 0, 2, 4, 6, 8, 10)
    assert Linear(-0.2, 10.0).ticks()[0] == 0
    assert scale.share(4.0) == 0.5


def test_an_axis_by_ratio() -> None:
    scale = Log(0.1, 10.0)
    assert [scale.share(v) for v in (0.0, 0.1, 1.0, 10.0, 99.0)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert scale.ticks() == pytest.approx((0.1, 0.2, 0.5, 1, 2, 5, 10))
    assert Log(0.01, 100.0).ticks() == pytest.approx((0.01, 0.1, 1, 10, 100))
    assert Linear(0.0, 100.0).ticks(2) == (0, 50, 100)


def test_axes_hold_what_is_drawn() -> None:
    assert log_over([0.3, 45.0, 0.0]) == Log(0.2, 50.0)
    assert log_over([]) == Log(1.0, 10.0)
    assert log_over([2.0]) == Log(2.0, 20.0)
    assert linear_over([50.0]) == Linear(0.0, 52.0)
    assert linear_over([]) == Linear(0.0, 1.0)
    assert linear_over([-1.0, 10.0]).low == -1.04


@given(st.lists(st.floats(1e-4, 1e5), min_size=1, max_size=20))
def test_every_value_has_a_place_and_ticks_are_on_the_axis(values: list[float]) -> None:
    scale = log_over(values)
    assert scale.low <= min(values) * (1 + 1e-6)
    assert scale.high >= max(values) * (1 - 1e-6)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 12
    assert all(0 <= scale.share(tick) <= 1 for tick in ticks)


def test_ticks_in_letters() -> None:
    assert [tick_label(v) for v in (0.05, 0.5, 20.0, 1500.0, 100_000.0)] == [
        "0.05", "0.5", "20", "1.5k", "100k",
    ]  # fmt: skip
