"""The config in use beside the one that was found: whether it stays, in figures and in words."""

from __future__ import annotations

from typing import Any

from autotune.scoring.interval import Comparison
from autotune.search.confirm import DEFAULT_ARM, Confirmed

Best = tuple[str | None, Comparison | None]
"""An arm that is recommended, and how it compares with the default."""


def or_in_use(confirmed: Confirmed, best: Best) -> Best:
    """`best`, or the config in use where that was not shown to be slower.

    To change what runs costs a restart, and what was not shown to be faster may be slower.
    """
    used, name = confirmed.in_use, best[0]
    mine = None if used is None else confirmed.comparisons.get(used)
    if mine is None or name in (None, used) or _beats(confirmed.over_in_use.get(name or "")):
        return best
    return used, mine


def stays(confirmed: Confirmed, name: str | None) -> bool:
    """Whether `name`, the arm that is recommended, is the config in use."""
    return name is not None and name == confirmed.in_use


def is_change(confirmed: Confirmed, name: str | None) -> bool:
    """Whether there is something to change: another config won, or the default did over the config
    in use."""
    if name is None:
        return _beats(confirmed.over_in_use.get(DEFAULT_ARM))
    return not stays(confirmed, name)


def with_in_use(verdict: str, confirmed: Confirmed, name: str | None) -> str:
    """`verdict` with what it says of the config in use."""
    used = confirmed.in_use
    if used is None or used not in confirmed.comparisons:
        return verdict
    if stays(confirmed, name):
        mine = confirmed.comparisons[used]
        kept = f"The config in use stays: it has {_speed(mine)} of the default."
        return " ".join([kept, *_nearest(confirmed)])
    over = confirmed.over_in_use.get(DEFAULT_ARM if name is None else name)
    if over is None or (name is None and not over.wins):
        return verdict
    who = "The default" if name is None else "It"
    return f"{verdict} {who} has {_speed(over)} of the config in use."


def in_use_json(confirmed: Confirmed, name: str | None) -> dict[str, Any] | None:
    """The same as plain data; ``None`` where no config in use was confirmed.

    `over` is how the arm that is recommended (the default without one) compares with it, and where
    it stays how the nearest other one does.
    """
    used = confirmed.in_use
    if used is None or used not in confirmed.comparisons:
        return None
    other = name if name is not None else DEFAULT_ARM
    if stays(confirmed, name):
        other = max(_others(confirmed), default=(0.0, DEFAULT_ARM))[1]
    over = confirmed.over_in_use.get(other)
    return {
        "arm": used,
        "stays": stays(confirmed, name),
        "beside": other,
        "over": None if over is None else {"ratio": over.ratio, "low": over.low, "high": over.high},
    }


def _beats(comparison: Comparison | None) -> bool:
    return comparison is not None and comparison.wins and not comparison.loses_total_wait


def _others(confirmed: Confirmed) -> list[tuple[float, str]]:
    rows = confirmed.over_in_use.items()
    return [(found.ratio, arm) for arm, found in rows if arm != DEFAULT_ARM]


def _nearest(confirmed: Confirmed) -> list[str]:
    """Of the best other config that was confirmed: how it compares with the one in use."""
    rows = _others(confirmed)
    if not rows:
        return ["Nothing that was tried was faster."]
    over = confirmed.over_in_use[max(rows)[1]]
    return [f"The best of the others has {_speed(over)} of it, which is not shown to be faster."]


def _speed(found: Comparison) -> str:
    if found.low is None or found.high is None:
        return f"{found.ratio:.2f}x the speed"
    span = f"{found.low:.2f} to {found.high:.2f}"
    return f"{found.ratio:.2f}x the speed ({found.level} interval {span})"
