"""BCa against SciPy's, and by hand where it is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from autotune.scoring.bca import acceleration, bias, bounds
from autotune.scoring.comparison import Method


def resampled(data: np.ndarray, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of draws with replacement, and those without one value each."""
    rng = np.random.default_rng(1)
    drawn = data[rng.integers(len(data), size=(resamples, len(data)))].mean(axis=1)
    return drawn, (data.sum() - data) / (len(data) - 1)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_skewed_data_have_the_bounds_that_scipy_gives(confidence: float) -> None:
    data = np.random.default_rng(5).lognormal(0, 1, size=30)
    drawn, left_out = resampled(data, 20_000)
    low, high, method = bounds(float(data.mean()), drawn, left_out, confidence)
    oracle = stats.bootstrap(
        (data,), np.mean, n_resamples=20_000, confidence_level=confidence, method="BCa",
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert method is Method.BCA
    # Two sets of 20,000 draws: their percentiles differ by about a hundredth of the width.
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=0.05 * (high - low))
    plain = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    assert low > plain[0]
    assert high > plain[1]


def test_acceleration_by_hand() -> None:
    # Mean 2; away from it 2 - (1, 1, 4) = 1, 1, -2: cubes -6, squares 6; -6 / (6 * 6^1.5).
    assert acceleration(np.array([1.0, 1.0, 4.0])) == pytest.approx(-(6**-1.5))
    assert acceleration(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.0)


def test_bias_by_hand() -> None:
    assert bias(2.0, np.array([1.0, 1.0, 2.0, 3.0, 3.0])) == pytest.approx(0.0)
    # One of four below, one equal: (1 + 0.5) / 4.
    assert bias(2.0, np.array([1.0, 2.0, 3.0, 3.0])) == pytest.approx(stats.norm.ppf(0.375))


@pytest.mark.parametrize(
    ("point", "drawn", "left_out"),
    [
        (1.0, [1.0] * 5, [1.0] * 3),
        (0.0, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        (9.0, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        (2.0, [1.0, 2.0, 3.0], [2.0]),
        (2.0, [1.0, 2.0, 3.0], [2.0, np.nan, 3.0]),
        (2.0, [1.0, 2.0, 3.0], [0.1 + 0.2, 0.3, 0.3]),
    ],
)
def test_where_it_is_undefined_the_bounds_are_percentiles(
    point: float, drawn: list[float], left_out: list[float]
) -> None:
    low, high, method = bounds(point, np.array(drawn), np.array(left_out), 0.95)
    assert method is Method.PERCENTILE
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_correction_that_leaves_the_percentiles_is_not_made() -> None:
    # Twenty equal values and one far off: a is large, and with a high bias 1 - a z turns negative.
    left_out = np.array([0.0] * 20 + [1.0])
    drawn = np.array([0.0] * 999 + [2.0])
    _, _, method = bounds(1.0, drawn, -left_out, 0.999999)
    assert method is Method.PERCENTILE
