"""Drift on recorded runs of one config, on machines that never held still: none is to be found."""

from __future__ import annotations

import json
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from autotune.nightly.drift import Moved, Seconds, agree, shift, together
from autotune.nightly.reference import MOST_FLOOR
from autotune.scoring.noise import half_width, successive_degrees
from autotune.search.anchor import ERRORS

RECORDED = Path(__file__).parents[2] / "studies" / "aa-calibration"
KEYS = {(f"edit-{session}", turn) for session in range(4) for turn in (3, 4)}
"""Eight deep turns."""

Runs = tuple[Seconds, ...]
"""Four, of two arms that are one config: live, default, default, live."""


def recorded(name: str) -> list[Seconds]:
    """What the turns of each run took."""
    rows = [json.loads(line)["turns"] for line in (RECORDED / name).read_text().splitlines()]
    return [{(t[0], t[1]): t[6] for t in turns if (t[0], t[1]) in KEYS} for turns in rows]


def measured(runs: list[Seconds]) -> float:
    """What two runs in a row differ by."""
    found = [shift(*pair).shift or 0.0 for pair in pairwise(runs)]
    return half_width(found, successive_degrees(len(found)))


def own(then: Runs) -> float:
    """What a reference works out from its own runs."""
    found = [shift(then[0], then[3]), shift(then[1], then[2])]
    return min(MOST_FLOOR, max(abs(x.shift or 0.0) + ERRORS * (x.error or 0.0) for x in found))


def drifted(then: Runs, now: Runs, width: float) -> bool:
    """As a canary looks: once, and once more where that went half the way."""
    live, default = together([then[0], then[3]]), together([then[1], then[2]])

    def moved(live_now: Runs, default_now: Runs) -> Moved:
        beside = shift(default, together(default_now))
        return Moved(shift(live, together(live_now)), beside, width)

    first, last = moved(now[:1], now[1:2]), moved(now[3:], now[2:3])
    both = moved((now[0], now[3]), now[1:3])
    return first.leans and both.drifted and agree((first, last), both)


@pytest.mark.parametrize("name", ["shared.jsonl", "bursts.jsonl"])
def test_nothing_is_found_where_nothing_changed(name: str) -> None:
    runs = recorded(name)
    nights = [tuple(runs[at : at + 4]) for at in range(0, len(runs) - 4, 4)]
    pairs = list(permutations(nights, 2))
    width = measured(runs)
    by_study = sum(drifted(then, now, width) for then, now in pairs)
    by_itself = sum(drifted(then, now, own(then)) for then, now in pairs)
    assert len(pairs) == 182
    assert by_study <= 1
    assert by_itself <= 6
