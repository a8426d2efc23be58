"""Which rows a bootstrap draws: whole sessions where there are enough of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from autotune.scoring.pairs import Pair

if TYPE_CHECKING:
    import numpy as np

MIN_SESSIONS = 3
BY_SESSION = "sessions"
BY_RUN = "runs of a session, then turns within each"


def draws(pairs: Sequence[Pair], seed: int, resamples: int) -> tuple[str, list[np.ndarray]]:
    """What was drawn, and for each of `resamples` draws the rows of `pairs`, with repeats."""
    import numpy as np

    generator = np.random.default_rng(seed)
    sessions = _groups(pairs, lambda pair: pair.session_id)
    if len(sessions) >= MIN_SESSIONS:
        return BY_SESSION, [_clusters(sessions, generator) for _ in range(resamples)]
    runs = _groups(pairs, lambda pair: pair.unit)
    return BY_RUN, [_two_stages(runs, generator) for _ in range(resamples)]


def _groups(pairs: Sequence[Pair], key: Callable[[Pair], Hashable]) -> list[np.ndarray]:
    """Rows by group, groups in the order of the pairs, which is sorted."""
    import numpy as np

    rows: dict[Hashable, list[int]] = {}
    for row, pair in enumerate(pairs):
        rows.setdefault(key(pair), []).append(row)
    return [np.array(found) for found in rows.values()]


def _clusters(groups: Sequence[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    import numpy as np

    chosen = generator.integers(len(groups), size=len(groups))
    return np.concatenate([groups[at] for at in chosen])


def _two_stages(groups: Sequence[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    import numpy as np

    chosen = [groups[at] for at in generator.integers(len(groups), size=len(groups))]
    return np.concatenate([rows[generator.integers(len(rows), size=len(rows))] for rows in chosen])
