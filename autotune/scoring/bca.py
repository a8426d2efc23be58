"""Bounds from draws: bias-corrected and accelerated where that is defined.

Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987); Efron and Tibshirani, "An
Introduction to the Bootstrap" (1993), section 14.3. Everything is in the scale it is given in; for
ratios that is the logarithm, so that swapping the arms inverts the bounds exactly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from autotune.scoring.comparison import Method

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def bounds(
    point: float, drawn: Floats, left_out: Floats, confidence: float
) -> tuple[float, float, Method]:
    """The interval of `point`, and how it was found.

    `drawn` are the values of the draws, `left_out` those without one unit each. Where every draw
    lies on one side of `point`, or leaving a unit out changes nothing, BCa is undefined, and the
    bounds are plain percentiles.
    """
    import numpy as np

    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    moved = _moved(tails, bias(point, drawn), acceleration(left_out))
    method = Method.PERCENTILE if moved is None else Method.BCA
    low, high = np.quantile(drawn, tails if moved is None else moved)
    return float(low), float(high), method


def bias(point: float, drawn: Floats) -> float | None:
    """z0: the normal quantile of the share of draws below `point`, ties counted half.

    ``None`` when that share is 0 or 1.
    """
    from scipy.stats import norm

    share = float((drawn < point).mean() + (drawn <= point).mean()) / 2
    return float(norm.ppf(share)) if 0 < share < 1 else None


def acceleration(left_out: Floats) -> float | None:
    """a: a sixth of the skewness of the jackknife's values. ``None`` where none can be computed."""
    import numpy as np

    told = left_out[np.isfinite(left_out)]
    if len(told) != len(left_out) or len(told) < 2:
        return None
    away = told.mean() - told
    squares = float((away**2).sum())
    # Rounding leaves differences of a few units in the last place where all values are equal.
    if squares <= len(told) * (1e-12 * max(1.0, float(np.abs(told).max()))) ** 2:
        return None
    return float((away**3).sum()) / (6 * squares * math.sqrt(squares))


def _moved(tails: Floats, z0: float | None, a: float | None) -> Floats | None:
    """The percentiles to take instead of `tails`; ``None`` where they are not defined."""
    import numpy as np
    from scipy.stats import norm

    if z0 is None or a is None:
        return None
    z = z0 + norm.ppf(tails)
    scale = 1 - a * z
    if (scale <= 0).any():
        return None
    return np.asarray(norm.cdf(z0 + z / scale), dtype=np.float64)
