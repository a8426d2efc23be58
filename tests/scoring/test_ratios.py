"""Ratios for many draws at once, against one draw at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.records import TurnRecord
from autotune.scoring.by_turn import log_ratios, means, medians
from autotune.scoring.pairs import Pair
from autotune.scoring.ratios import PairedTimes, median_of, median_ratios, total_wait

Record = Callable[..., TurnRecord]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 3)), min_size=1, max_size=12))
def test_the_median_of_counts_is_that_of_the_rows_repeated(rows: list[tuple[float, int]]) -> None:
    values, counts = np.array([v for v, _ in rows]), np.array([[c for _, c in rows]] * 2, np.int32)
    found = median_of(values, counts)
    repeated = np.repeat(values, counts[0])
    if len(repeated):
        assert found.tolist() == [np.median(repeated)] * 2
    else:
        assert np.isnan(found).all()


def times_of(record: Record, *rows: tuple[float | None, float | None]) -> PairedTimes:
    """Pairs of TTFT; the decode rate is 10 and the reply ten tokens."""
    return PairedTimes.of(
        [
            Pair(record(at, ttft_s=before, wall_s=2.0), record(at, ttft_s=after, wall_s=1.0))
            for at, (before, after) in enumerate(rows)
        ]
    )


def test_every_draw_has_its_own_ratio(record: Record) -> None:
    times = times_of(record, (1.0, 0.5), (3.0, 1.0), (None, 7.0))
    counts = np.array([[1, 1, 1], [2, 0, 5], [0, 0, 3]], dtype=np.int32)
    found = median_ratios(times, counts)
    # All: medians 2 and 0.75. The first alone: 1 and 0.5. The last has no TTFT in one arm.
    assert found["ttft"][:2].tolist() == [pytest.approx(2 / 0.75), 2.0]
    assert math.isnan(found["ttft"][2])
    # Ten tokens at 10 a second: one second more on either side.
    assert found["turn_s"][:2].tolist() == [pytest.approx(3 / 1.75), pytest.approx(2 / 1.5)]
    assert found["decode"].tolist() == [1.0, 1.0, 1.0]
    assert total_wait(times, counts).tolist() == [2.0, 2.0, 2.0]


def test_paired_ratios_by_hand(record: Record) -> None:
    times = times_of(record, (1.0, 0.5), (3.0, 1.0), (None, 7.0))
    logs = log_ratios(times, "ttft")
    assert logs[:2].tolist() == pytest.approx([math.log(2), math.log(3)])
    assert math.isnan(logs[2])
    counts = np.array([[1, 1, 1], [2, 1, 0], [0, 0, 3]], dtype=np.int32)
    assert means(logs, counts)[:2].tolist() == pytest.approx([math.log(6) / 2, math.log(12) / 3])
    assert medians(logs, counts)[:2].tolist() == pytest.approx([math.log(6) / 2, math.log(2)])
    assert math.isnan(means(logs, counts)[2])
    assert math.isnan(medians(logs, counts)[2])
    # (1 + 1) / (0.5 + 1) and (3 + 1) / (1 + 1).
    turns = log_ratios(times, "turn_s")[:2].tolist()
    assert turns == pytest.approx([math.log(2 / 1.5), math.log(2)])
    assert log_ratios(times, "total_wait").tolist() == pytest.approx([math.log(2)] * 3)
    with pytest.raises(KeyError):
        log_ratios(times, "nonsense")


def test_a_metric_that_no_pair_has_is_absent(record: Record) -> None:
    times = times_of(record, (None, 1.0))
    once = np.ones((1, 1), dtype=np.int32)
    assert math.isnan(median_ratios(times, once)["ttft"][0])
    assert math.isnan(means(log_ratios(times, "ttft"), once)[0])
