"""What a bootstrap draws, as counts: how often each draw holds each row.

A matrix of draws by rows lets a statistic be computed for all draws at once, and leaving a unit out
is a row of it as well, with zeros where that unit was.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.scoring.pairs import Pair
from autotune.scoring.resampling import BY_RUN, BY_SESSION, MIN_SESSIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int32]
    Labels = NDArray[np.intp]

BY_TURN = "turns"


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of a set of rows.

    Attributes:
        unit: what was drawn, in words.
        size: how many of them there are to draw from.
        drawn: (draws, rows) how often each draw holds each row.
        without: (size, rows) all rows but those of one unit: the jackknife over the same unit.
    """

    unit: str
    size: int
    drawn: Counts
    without: Counts

    @property
    def sessions(self) -> int:
        """How many sessions there are to draw from; 0 where it was not sessions that were drawn."""
        return self.size if self.unit == BY_SESSION else 0


def draw(pairs: Sequence[Pair], seed: int, resamples: int) -> Draws:
    """`resamples` draws of `pairs`: of sessions where there are `MIN_SESSIONS`, else of their runs.

    A run is one session in one block; from each drawn run its turns are drawn again. A single run
    leaves only its turns to draw from.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    sessions = labels(pairs, lambda pair: pair.session_id)
    if sessions.max() + 1 >= MIN_SESSIONS:
        return _of_units(BY_SESSION, sessions, generator, resamples)
    runs = labels(pairs, lambda pair: pair.unit)
    if runs.max() == 0:
        return _of_units(BY_TURN, np.arange(len(pairs)), generator, resamples)
    return Draws(
        BY_RUN, int(runs.max()) + 1, _two_stages(runs, generator, resamples), without(runs)
    )


def labels(pairs: Sequence[Pair], key: Callable[[Pair], Hashable]) -> Labels:
    """The number of each row's group, in the order in which groups appear."""
    import numpy as np

    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key(pair), len(numbers)) for pair in pairs], dtype=np.intp)


def without(groups: Labels) -> Counts:
    """A row a group: every row of the data once, but for those of the group."""
    import numpy as np

    units = np.arange(int(groups.max()) + 1)
    return np.asarray(groups[None, :] != units[:, None], dtype=np.int32)


def _of_units(unit: str, groups: Labels, generator: np.random.Generator, resamples: int) -> Draws:
    size = int(groups.max()) + 1
    return Draws(unit, size, _chosen(size, generator, resamples)[:, groups], without(groups))


def _chosen(size: int, generator: np.random.Generator, resamples: int) -> Counts:
    """(draws, size) how often each of `size` units was drawn, `size` times with replacement."""
    import numpy as np

    return generator.multinomial(size, [1 / size] * size, size=resamples).astype(np.int32)


def _two_stages(groups: Labels, generator: np.random.Generator, resamples: int) -> Counts:
    """Groups with replacement, then as many rows of each drawn group as it has."""
    import numpy as np

    chosen = _chosen(int(groups.max()) + 1, generator, resamples)
    drawn = np.zeros((resamples, len(groups)), dtype=np.int32)
    for unit in range(chosen.shape[1]):
        rows = np.flatnonzero(groups == unit)
        shares = [1 / len(rows)] * len(rows)
        drawn[:, rows] = generator.multinomial(chosen[:, unit] * len(rows), shares)
    return drawn
