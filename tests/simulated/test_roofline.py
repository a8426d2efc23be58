"""Seconds of prefill and decode, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.simulated.roofline import Pace, Roofline, head_share

PACE = Pace(
    matmul=1.0, attention=1.0, weights=1.0, cache=1.0, step_s=0.5, batch_s=2.0, request_s=3.0,
    prompt_token_s=0.25,
)  # fmt: skip
PLAIN = Roofline(
    compute_s=0.1, dense_read_s=1.0, expert_read_s=0.0, used_experts=1.0, attend_s=0.001,
    window_attend_s=0.0, cache_read_s=0.01, window_read_s=0.0, window=0, batch=20, ubatch=10,
    pace=PACE,
)  # fmt: skip


def test_prefill_reads_the_weights_once_for_every_physical_batch() -> None:
    # 25 tokens behind 100: 3 physical batches, 2 logical ones, 25*100 + 25*26/2 pairs.
    expected = 3 * 1.0 + 25 * 0.1 + (2500 + 325) * 0.001 + 2 * 2.0
    assert PLAIN.prefill_s(25, 100) == pytest.approx(expected)
    assert PLAIN.prefill_s(0, 100) == 0.0


def test_a_physical_batch_is_no_larger_than_a_logical_one() -> None:
    assert replace(PLAIN, batch=5).prefill_s(10, 0) == pytest.approx(2 + 1 + 0.055 + 4)


def test_a_decode_step_reads_weights_and_cache_and_checks_its_draft() -> None:
    assert PLAIN.step_s(1, 100) == pytest.approx(1.0 + 0.1 + 1.0 + 0.1 + 0.5)
    assert PLAIN.step_s(4, 100) == pytest.approx(1.0 + 0.4 + 1.0 + 0.4 + 0.5)


def test_windows_are_seen_up_to_their_width() -> None:
    windowed = replace(PLAIN, window=50, window_attend_s=0.002, window_read_s=0.02)
    more = 50 * 0.02 + 50 * 0.002
    assert windowed.step_s(1, 100) == pytest.approx(PLAIN.step_s(1, 100) + more)
    assert windowed.step_s(1, 10) == pytest.approx(PLAIN.step_s(1, 10) + 10 * 0.022)


def test_of_experts_a_batch_reads_those_that_any_token_uses() -> None:
    experts = replace(PLAIN, expert_read_s=8.0, used_experts=0.25)
    assert experts.read_s(1) == pytest.approx(1.0 + 2.0)
    assert experts.read_s(2) == pytest.approx(1.0 + 8 * (1 - 0.75**2))
    assert experts.read_s(200) == pytest.approx(9.0)


def test_every_prompt_token_costs_its_template() -> None:
    assert PLAIN.request_s(8) == pytest.approx(5.0)


def test_narrow_heads_fill_half_a_tile() -> None:
    assert (head_share(64), head_share(128), head_share(256)) == (0.5, 1.0, 1.0)


@given(new=st.integers(1, 500), before=st.integers(0, 5000), more=st.integers(1, 500))
def test_more_tokens_and_more_depth_never_take_less(new: int, before: int, more: int) -> None:
    assert PLAIN.prefill_s(new + more, before) > PLAIN.prefill_s(new, before)
    assert PLAIN.prefill_s(new, before + more) > PLAIN.prefill_s(new, before)
    assert PLAIN.step_s(1, before + more) > PLAIN.step_s(1, before)
