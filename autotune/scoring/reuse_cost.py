"""What prompt tokens cost to compute at which depth, from a trial's own turns.

A token costs a share that is the same everywhere and one that grows with what stands before it::

    seconds = overhead + linear * n + growing * n * middle

for `n` tokens from `cached` to `depth`, whose middle is (cached + depth) / 2. No share is negative.
The fit is by least squares of relative errors, repeated with less weight on turns far off, so that
a turn disturbed by something else does not bend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from autotune.records import TurnRecord
from autotune.scoring.quantile import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDS = 6
FAR = 2.0
"""Turns further off than this many typical errors count less."""

COLD_SHARE = 0.5
"""A turn that reused no more than this share of its prompt did prefill a lot."""

MIN_FOR_OVERHEAD = 3
MIN_FOR_GROWTH = 4
MIN_SPREAD = 2.0
"""Overhead and growth are told from the rest where the turns' sizes differ by this factor."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """One prompt that was computed from `cached` to `depth` in `seconds`."""

    cached: int
    depth: int
    seconds: float

    @property
    def tokens(self) -> int:
        """How many were computed."""
        return self.depth - self.cached


@dataclass(frozen=True, slots=True)
class PrefillCost:
    """The cost of computing prompt tokens; `deepest` and `turns` are of what it was fitted to."""

    overhead_s: float
    linear_s: float
    growing_s: float
    turns: int
    deepest: int

    def between_s(self, begin: int, end: int) -> float:
        """Seconds for the tokens from `begin` to `end`, without the overhead of a request."""
        tokens = max(0, end - begin)
        return tokens * (self.linear_s + self.growing_s * (begin + end) / 2)

    def turn_s(self, cached: int, depth: int) -> float:
        """Seconds until the first token of a turn that reuses `cached` tokens."""
        return self.overhead_s + self.between_s(cached, depth)

    def to_json(self) -> dict[str, Any]:
        """Plain data: what a thousand tokens cost at the start and at the deepest turn."""
        at = max(self.deepest, 1000)
        return {
            "overhead_s": round(self.overhead_s, 4),
            "first_1k_s": round(self.between_s(0, 1000), 4),
            "deepest_1k_s": round(self.between_s(at - 1000, at), 4),
            "deepest_tokens": self.deepest,
            "turns": self.turns,
        }


def prefills(records: Iterable[TurnRecord], *, by_ttft: bool = False) -> list[Prefill]:
    """The records that say how much was computed and how long that took.

    By the engine's own time where every turn has one, else (or with `by_ttft`) by TTFT.
    """
    good = [
        r for r in records if r.ok and r.depth_tokens is not None and r.cached_tokens is not None
    ]
    own = not by_ttft and all(r.server_prefill_s is not None for r in good)
    found = []
    for record in good:
        seconds = record.server_prefill_s if own else record.ttft_s
        depth, cached = record.depth_tokens or 0, record.cached_tokens or 0
        if seconds is not None and seconds > 0 and depth > cached:
            found.append(Prefill(cached, depth, seconds))
    return found


def cold_ones(rows: Sequence[Prefill]) -> list[Prefill]:
    """Those that computed most of their prompt: what they say does not rest on hits being true."""
    return [row for row in rows if row.cached <= COLD_SHARE * row.depth]


def fit_cost(rows: Sequence[Prefill]) -> PrefillCost | None:
    """The cost that fits `rows`; ``None`` without any."""
    if not rows:
        return None
    import numpy as np

    columns = np.array([[1.0, r.tokens, r.tokens * (r.cached + r.depth) / 2] for r in rows])
    seconds = np.array([r.seconds for r in rows])
    use = _usable(rows)
    weights = np.ones(len(rows))
    shares = np.zeros(3)
    for _ in range(ROUNDS):
        shares = _not_negative(columns, seconds, weights / seconds, use)
        off = np.abs(columns @ shares / seconds - 1.0)
        typical = max(1.4826 * median(off.tolist()), 1e-6)
        weights = np.minimum(1.0, FAR * typical / np.maximum(off, 1e-9))
    deepest = max(r.depth for r in rows)
    return PrefillCost(float(shares[0]), float(shares[1]), float(shares[2]), len(rows), deepest)


def _usable(rows: Sequence[Prefill]) -> tuple[int, ...]:
    """Which shares can be told apart: of one turn only the linear one."""
    sizes = [r.tokens for r in rows]
    depths = [r.depth for r in rows]
    use = [1]
    if len(rows) >= MIN_FOR_OVERHEAD and max(sizes) >= MIN_SPREAD * min(sizes):
        use.insert(0, 0)
    if len(rows) >= MIN_FOR_GROWTH and max(depths) >= MIN_SPREAD * min(depths):
        use.append(2)
    return tuple(use)


def _not_negative(
    columns: NDArray[Any], seconds: NDArray[Any], weights: NDArray[Any], use: tuple[int, ...]
) -> NDArray[Any]:
    """Weighted least squares with no negative share, by trying which of the few are zero."""
    import numpy as np

    best, least = np.zeros(3), float(np.sum((seconds * weights) ** 2))
    for size in range(1, len(use) + 1):
        for chosen in combinations(use, size):
            part = columns[:, chosen] * weights[:, None]
            scale = np.maximum(np.abs(part).max(axis=0), 1e-300)
            solved = np.linalg.lstsq(part / scale, seconds * weights, rcond=None)[0] / scale
            if (solved < 0).any():
                continue
            left = float(np.sum((part @ solved - seconds * weights) ** 2))
            if left < least:
                least = left
                best = np.zeros(3)
                best[list(chosen)] = solved
    return best
