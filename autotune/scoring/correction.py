"""What makes an interval honest beyond its own draws: many candidates, and the machine's noise."""

from __future__ import annotations

import math
from dataclasses import replace

from autotune.scoring.comparison import Ratio


def shared_confidence(confidence: float, candidates: int) -> float:
    """The confidence of each of `candidates` intervals that hold together with `confidence`.

    Bonferroni: the risk is divided by their number. Holm's steps would find a little more, but
    they give no interval to show beside the verdict, and they need every comparison before the
    first may be told; arms of a contest may fail or end early. Raises ``ValueError`` below 1.
    """
    if candidates < 1:
        raise ValueError(f"{candidates} candidates cannot be compared with anything")
    return 1 - (1 - confidence) / candidates


def widened(ratio: Ratio, half_width: float) -> Ratio:
    """`ratio` with bounds that hold noise of `half_width` (a log-ratio) as well.

    Independent errors add in quadrature, and so do the half-widths of their intervals: each bound
    moves to the root of the sum of squares of its own distance and `half_width`, in log space.
    """
    if half_width <= 0 or not ratio.low or not ratio.high or ratio.ratio <= 0:
        return ratio
    down = math.hypot(math.log(ratio.ratio / ratio.low), half_width)
    up = math.hypot(math.log(ratio.high / ratio.ratio), half_width)
    return replace(ratio, low=ratio.ratio * math.exp(-down), high=ratio.ratio * math.exp(up))
