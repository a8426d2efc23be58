"""How far few units reach: Student's t beside the bootstrap, over sessions and over blocks.

Draws from a handful of units know no values but theirs. Of three sessions the outermost draw holds
one session three times, and a "95%" percentile interval is the range of what was seen: it leaves
out a true difference of nothing a quarter of the time. And all sessions of a block share its two
launches, so what sets one launch apart from the next moves all of them together; draws of sessions
do not see it at all. The interval is therefore never narrower than Student's t makes it for the
sessions that were drawn, nor than it makes it for the blocks. Decision 15 has the calibration.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from autotune.scoring.noise import ASSUMED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def reach(drawn: Floats, sessions: int, by_block: Floats, confidence: float) -> float:
    """How far Student's t reaches on either side, in the scale of `drawn`.

    The further of two: for `sessions` (0 where it was not sessions that were drawn), from the
    values of the draws, and for the blocks, from the values without one block each.
    """
    import numpy as np

    found = 0.0
    if sessions > 1:
        found = half_width(bootstrap_error(drawn, sessions), sessions, confidence)
    if len(by_block) > 1 and np.isfinite(by_block).all():
        by_blocks = half_width(jackknife_error(by_block), len(by_block), confidence)
        found = max(found, by_blocks)
    return found


def unseen(blocks: int, floor: float | None) -> float:
    """The noise that the draws cannot show: the machine's `floor`, or one that is assumed.

    With one block there is one launch of each arm, and nothing to tell its luck from a difference;
    with more of them the blocks show it themselves.
    """
    if floor is not None:
        return floor
    return ASSUMED if blocks == 1 else 0.0


def bootstrap_error(drawn: Floats, units: int) -> float:
    """The standard error from draws of `units`, two or more: their spread without its bias.

    Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69
    (2015), section 3.2: draws with replacement vary as if divided by n, not by n - 1.
    """
    return float(drawn.std()) * math.sqrt(units / (units - 1))


def jackknife_error(left_out: Floats) -> float:
    """The standard error from values with one unit left out each.

    Efron and Tibshirani (1993), equation 11.5.
    """
    units = len(left_out)
    return float(left_out.std()) * math.sqrt(units - 1)


def half_width(error: float, units: int, confidence: float) -> float:
    """Student's t for `units` (two or more) times the standard error."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, units - 1)) * error
