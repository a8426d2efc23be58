"""Draws as counts: what is drawn together, and how often."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autotune.records import TurnRecord
from autotune.scoring.counts import BY_TURN, draw, labels, without
from autotune.scoring.pairs import Pair
from autotune.scoring.resampling import BY_RUN, BY_SESSION

Record = Callable[..., TurnRecord]


def pairs_of(record: Record, *sizes: int, blocks: int = 1) -> list[Pair]:
    """Sessions of these many turns in each block, each turn paired with itself."""
    rows = [
        record(turn, f"s{name}", block=block)
        for name, size in enumerate(sizes)
        for block in range(blocks)
        for turn in range(size)
    ]
    return [Pair(row, row) for row in rows]


def test_sessions_are_drawn_whole(record: Record) -> None:
    found = draw(pairs_of(record, 1, 2, 3, blocks=2), seed=0, resamples=500)
    assert (found.unit, found.size, found.sessions) == (BY_SESSION, 3, 3)
    assert found.drawn.shape == (500, 12)
    for session in (slice(0, 2), slice(2, 6), slice(6, 12)):
        rows = found.drawn[:, session]
        assert (rows == rows[:, :1]).all()
    assert (found.drawn[:, [0, 2, 6]].sum(axis=1) == 3).all()
    # One session three times over: three of 27 draws.
    assert 0.06 < (found.drawn.max(axis=1) == 3).mean() < 0.17
    assert found.without.tolist() == [
        [0] * 2 + [1] * 10,
        [1] * 2 + [0] * 4 + [1] * 6,
        [1] * 6 + [0] * 6,
    ]


def test_below_three_sessions_runs_are_drawn_and_turns_within_them(record: Record) -> None:
    found = draw(pairs_of(record, 3, 5, blocks=2), seed=0, resamples=300)
    assert (found.unit, found.size, found.sessions) == (BY_RUN, 4, 0)
    runs = [slice(0, 3), slice(3, 6), slice(6, 11), slice(11, 16)]
    times = np.array([found.drawn[:, run].sum(axis=1) // (run.stop - run.start) for run in runs])
    assert (times.sum(axis=0) == 4).all()
    whole = [found.drawn[:, run].sum(axis=1) % (run.stop - run.start) for run in runs]
    assert not np.any(whole)
    assert (found.drawn[:, 0] != found.drawn[:, 1]).any()
    assert found.without.shape == (4, 16)


def test_a_single_run_has_only_its_turns(record: Record) -> None:
    found = draw(pairs_of(record, 4), seed=0, resamples=50)
    assert (found.unit, found.size, found.sessions) == (BY_TURN, 4, 0)
    assert (found.drawn.sum(axis=1) == 4).all()


def test_the_same_seed_draws_the_same(record: Record) -> None:
    pairs = pairs_of(record, 2, 2, 2)
    same = [draw(pairs, seed=5, resamples=20).drawn for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert (same[0] != draw(pairs, seed=6, resamples=20).drawn).any()


def test_labels_number_groups_as_they_come(record: Record) -> None:
    groups = labels(pairs_of(record, 1, 2), lambda pair: pair.session_id)
    assert groups.tolist() == [0, 1, 1]
    assert without(groups).tolist() == [[0, 1, 1], [1, 0, 0]]
