"""Speed-ups turn by turn: the logarithm of each pair's ratio, and its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotune.scoring.ratios import ArmTimes, PairedTimes, median_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int32]


def log_ratios(times: PairedTimes, metric: str) -> Floats:
    """log(default / candidate) of every pair's seconds by `metric`; NaN where it has none."""
    import numpy as np

    before, after = _seconds(times.default, metric), _seconds(times.candidate, metric)
    told = (before > 0) & (after > 0)
    ratios = np.divide(before, after, out=np.full(times.count, np.nan), where=told)
    return np.asarray(np.log(ratios), dtype=np.float64)


def means(logs: Floats, counts: Counts) -> Floats:
    """The mean of each draw: the logarithm of the geometric mean of its ratios."""
    import numpy as np

    told = np.isfinite(logs)
    drawn = counts[:, told]
    size = drawn.sum(axis=1)
    total = drawn @ logs[told]
    found = np.full(len(counts), np.nan)
    np.divide(total, size, out=found, where=size > 0)
    return found


def medians(logs: Floats, counts: Counts) -> Floats:
    """The median of each draw."""
    import numpy as np

    told = np.isfinite(logs)
    return median_of(logs[told], counts[:, told])


def _seconds(arm: ArmTimes, metric: str) -> Floats:
    """What each turn took by `metric`. Raises ``KeyError`` for a name that is none."""
    import numpy as np

    rate = np.where(arm.decode_tps > 0, arm.decode_tps, np.nan)
    return {
        "turn_s": arm.ttft_s + arm.output_tokens / rate,
        "ttft": arm.ttft_s,
        "decode": 1 / rate,
        "total_wait": arm.wall_s,
    }[metric]
