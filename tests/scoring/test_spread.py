"""How far few units reach, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autotune.scoring.noise import ASSUMED
from autotune.scoring.spread import (
    bootstrap_error,
    half_width,
    jackknife_error,
    reach,
    unseen,
)


def test_errors_by_hand() -> None:
    # Variance 1 around 2, of draws from three: times 3 / 2.
    assert bootstrap_error(np.array([1.0, 3.0]), 3) == pytest.approx(math.sqrt(1.5))
    # The mean of 1, 2 and 6 is 3; without one of them 4, 3.5 and 1.5. The standard error of a
    # mean: sqrt(((2^2 + 1^2 + 3^2) / 2) / 3).
    assert jackknife_error(np.array([4.0, 3.5, 1.5])) == pytest.approx(math.sqrt(14 / 6))


def test_student_with_few_degrees_of_freedom() -> None:
    # From the tables: 12.706, 4.303 and 2.571 for 1, 2 and 5 degrees of freedom.
    found = [half_width(1.0, units, 0.95) for units in (2, 3, 6)]
    assert found == pytest.approx([12.706, 4.303, 2.571], abs=1e-3)
    assert half_width(2.0, 3, 0.99) == pytest.approx(2 * 9.925, abs=1e-3)


def test_the_further_of_sessions_and_blocks_counts() -> None:
    drawn, blocks = np.array([-0.1, 0.1]), np.array([-0.1, 0.0, 0.1])
    by_sessions = 2.571 * 0.1 * math.sqrt(6 / 5)
    by_blocks = 4.303 * 0.1 * math.sqrt(2 / 3) * math.sqrt(2)
    assert reach(drawn, 6, np.zeros(3), 0.95) == pytest.approx(by_sessions, abs=1e-4)
    assert reach(drawn, 6, blocks, 0.95) == pytest.approx(by_blocks, abs=1e-4)
    assert reach(drawn, 0, blocks, 0.95) == pytest.approx(by_blocks, abs=1e-4)
    assert reach(drawn, 0, np.array([np.nan]), 0.95) == 0
    assert reach(drawn, 0, np.array([0.0, np.nan]), 0.95) == 0


def test_one_block_is_off_by_what_is_assumed_unless_it_was_measured() -> None:
    assert unseen(1, None) == ASSUMED
    assert unseen(3, None) == 0
    assert [unseen(blocks, 0.02) for blocks in (1, 3)] == [0.02, 0.02]
