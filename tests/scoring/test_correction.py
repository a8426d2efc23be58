"""Many candidates and the machine's noise, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.scoring.comparison import Ratio
from autotune.scoring.correction import shared_confidence, widened


def test_candidates_share_the_risk() -> None:
    assert [shared_confidence(0.95, k) for k in (1, 2, 5)] == pytest.approx([0.95, 0.975, 0.99])
    with pytest.raises(ValueError, match="0 candidates"):
        shared_confidence(0.95, 0)


def test_noise_adds_in_quadrature() -> None:
    # 0.03 down and 0.12 up; noise of 0.04 and 0.05 makes 0.05 and 0.13.
    ratio = Ratio(2.0, 2 * math.exp(-0.03), 2 * math.exp(0.12))
    assert widened(ratio, 0.04).low == pytest.approx(2 * math.exp(-0.05))
    assert widened(ratio, 0.05).high == pytest.approx(2 * math.exp(0.13))
    assert widened(ratio, 0.05).ratio == 2.0


@pytest.mark.parametrize("low", [None, 0.0])
def test_what_has_no_bounds_stays(low: float | None) -> None:
    assert widened(Ratio(2.0, low, 3.0), 0.1) == Ratio(2.0, low, 3.0)
    assert widened(Ratio(2.0, 1.5, 3.0), 0.0) == Ratio(2.0, 1.5, 3.0)


@given(st.floats(0.1, 10), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_it_only_ever_widens(ratio: float, down: float, up: float, noise: float) -> None:
    plain = Ratio(ratio, ratio * math.exp(-down), ratio * math.exp(up))
    found = widened(plain, noise)
    assert found.low is not None
    assert found.high is not None
    assert plain.low is not None
    assert plain.high is not None
    assert found.low <= plain.low * (1 + 1e-12)
    assert found.high >= plain.high * (1 - 1e-12)
