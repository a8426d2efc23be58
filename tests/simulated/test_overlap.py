"""Turns of several sessions at once."""

from __future__ import annotations

import pytest

from autotune.simulated.overlap import SHARED_STEP, Done, Work, overlapped

TWO = [Work("a", 2.0, 3.0), Work("b", 2.0, 3.0), Work("a", 1.0, 1.0)]


def test_one_at_a_time_is_one_after_the_other() -> None:
    assert overlapped(TWO, 1, 4) == [Done(0, 2, 5), Done(5, 7, 10), Done(10, 11, 12)]


def test_a_second_prefill_waits_for_the_first_and_decoding_is_shared() -> None:
    done = overlapped(TWO, 2, 4)
    assert (done[1].sent_s, done[1].first_s) == (0.0, 4.0)
    assert done[1].last_s == pytest.approx(4.0 + 3.0 * (1 + SHARED_STEP))
    # Session a goes on when its own last turn has ended.
    assert done[2].sent_s == done[0].last_s == 5.0


def test_with_one_slot_everything_waits_for_it() -> None:
    done = overlapped(TWO, 2, 1)
    assert done[1].sent_s == 0.0
    assert done[1].first_s == done[0].last_s + 2.0
    assert done[1].last_s - done[1].first_s == 3.0
