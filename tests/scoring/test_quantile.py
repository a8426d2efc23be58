"""Quantiles against numbers worked out by hand, and against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.scoring.quantile import median, quantile


def test_by_hand() -> None:
    # Positions (n - 1) * share: 4 * 0.95 = 3.8, so 40 + 0.8 * (50 - 40).
    assert quantile([50, 10, 30, 20, 40], 0.95) == pytest.approx(48.0)
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5
    assert quantile([7], 0.95) == 7


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(0, 1))
def test_as_numpy(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), abs=1e-6)
