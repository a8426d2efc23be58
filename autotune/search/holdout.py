"""Which sessions the search may see, and which it is judged on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

MIN_SESSIONS = 4
"""Below this many, taking some away would leave the search or the verdict with one."""


def split_sessions(
    depths: Mapping[str, int], seed: int, share: float = 0.5
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(search, confirm) session ids. Both are everything when there are too few to part.

    `depths` gives each session's deepest prompt in tokens. Sessions are paired by depth and one
    of each pair is held out, so that both halves are as deep.
    """
    ids = list(depths)
    if len(ids) < MIN_SESSIONS:
        return tuple(ids), tuple(ids)
    wanted = max(2, round(len(ids) * share))
    ranked = sorted(ids, key=lambda s: (-depths[s], s))
    rng = random.Random(seed)
    held = {rng.choice(group) for group in _groups(ranked, wanted)}
    search = tuple(s for s in ids if s not in held)
    return search, tuple(s for s in ids if s in held)


def _groups(ranked: Sequence[str], count: int) -> list[list[str]]:
    """`ranked` in `count` runs of neighbours, as even as can be."""
    size, extra = divmod(len(ranked), count)
    groups, at = [], 0
    for i in range(count):
        step = size + (1 if i < extra else 0)
        groups.append(list(ranked[at : at + step]))
        at += step
    return groups
