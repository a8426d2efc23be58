"""What another trial is expected to gain, and per engine-second."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autotune.search.ledger import COMPLETE, STOPPED, Ledger

if TYPE_CHECKING:
    from autotune.search.levels import Floats

WORTH = 0.02
"""Log time: a gain of less than 2% is not worth engine-seconds, and no trial can tell it."""

STOPPED_SHARE = 0.4
"""What a trial that loses its race costs of a whole one, until the study knows it."""


def expected_gain(mean: Floats, deviation: Floats, best: float) -> Floats:
    """The expected improvement on `best`, all in log time (Jones, Schonlau and Welch, 1998).

    What is less than `WORTH` better is no improvement.
    """
    import numpy as np
    from scipy.special import ndtr

    z = (best - WORTH - mean) / deviation
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    found: Floats = deviation * (z * ndtr(z) + density)
    return found


def expected_cost(mean: Floats, deviation: Floats, best: float, stopped: float) -> Floats:
    """Of a whole trial: a config that is slower than `best` is stopped at the share `stopped`."""
    from scipy.special import ndtr

    chance = ndtr((best - mean) / deviation)
    found: Floats = stopped + (1.0 - stopped) * chance
    return found


def stopped_share(ledger: Ledger) -> float:
    """What trials that were stopped early took of a whole one, at the median."""
    whole = _seconds(ledger, COMPLETE)
    short = _seconds(ledger, STOPPED)
    if not whole or not short or statistics.median(whole) <= 0:
        return STOPPED_SHARE
    return min(1.0, max(0.05, statistics.median(short) / statistics.median(whole)))


def _seconds(ledger: Ledger, outcome: str) -> Sequence[float]:
    return [e.seconds for e in ledger.measured if e.outcome == outcome and e.seconds > 0]
