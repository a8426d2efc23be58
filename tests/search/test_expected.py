"""What another trial is expected to gain, and to cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from entries import entry, ledger

from autotune.search.expected import (
    STOPPED_SHARE,
    WORTH,
    expected_cost,
    expected_gain,
    stopped_share,
)
from autotune.search.ledger import STOPPED


def test_the_gain_of_an_even_chance_is_the_mean_of_half_a_normal() -> None:
    # The mean just at what is worth it: the deviation over sqrt(2 pi).
    found = expected_gain(np.array([-WORTH]), np.array([0.1]), 0.0)
    assert found[0] == pytest.approx(0.1 / math.sqrt(2 * math.pi))


def test_a_sure_gain_is_itself_less_what_is_not_worth_it_and_a_sure_loss_is_nothing() -> None:
    found = expected_gain(np.array([-0.3, 0.3]), np.array([1e-6, 1e-6]), 0.0)
    assert found == pytest.approx([0.3 - WORTH, 0.0], abs=1e-9)


def test_what_will_lose_is_stopped_and_costs_its_share() -> None:
    found = expected_cost(np.array([5.0, 0.0, -5.0]), np.ones(3) * 0.1, 0.0, stopped=0.3)
    assert found == pytest.approx([0.3, 0.65, 1.0])


def test_the_share_of_a_stopped_trial_is_learnt() -> None:
    assert stopped_share(ledger()) == STOPPED_SHARE
    whole, short = entry(0, "default", 1.0, {"a": 1}), entry(1, "x", 2.0, {"a": 2}, outcome=STOPPED)
    # Both took a second: nothing is saved by stopping here.
    assert stopped_share(ledger(whole, short)) == 1.0
