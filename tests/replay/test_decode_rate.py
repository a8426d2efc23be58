"""Decode rates worked out by hand, token by token and in bursts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.replay.assembly import Assembly, assemble
from autotune.replay.decode_rate import burst_rate, decode_rate
from autotune.replay.sse import SseEvent


def test_the_rate_counts_the_engines_tokens_not_chunks() -> None:
    two_chunks = Assembly(first_s=10.0, last_s=12.0)
    assert decode_rate(two_chunks, 5) == 2.0  # (5 - 1) / (12 - 10)
    assert decode_rate(two_chunks, 1) is None
    assert decode_rate(two_chunks, None) is None
    assert decode_rate(Assembly(first_s=10.0, last_s=10.0), 5) is None
    assert decode_rate(Assembly(), 5) is None


def test_a_reply_that_waited_for_its_reader_has_no_rate() -> None:
    # 24 tokens in 0.2 ms would be 115,000 tokens per second; in 2 ms they are 11,500, and may be.
    assert decode_rate(Assembly(first_s=10.0, last_s=10.0002), 24) is None
    assert decode_rate(Assembly(first_s=10.0, last_s=10.002), 24) == pytest.approx(11_500)


def test_a_burst_is_taken_out_by_its_share_of_the_text() -> None:
    """10 characters of 40 came first, so 5 of 20 tokens; 15 tokens in the 0.3 s after them."""
    arrivals = [(1.0, 4), (1.0005, 6), (1.1, 10), (1.2, 10), (1.3005, 10)]
    whole = Assembly(first_s=1.0, last_s=1.3005, arrivals=arrivals)
    assert burst_rate(whole, 20) == pytest.approx(15 / 0.3)
    assert decode_rate(whole, 20) == pytest.approx(19 / 0.3005)  # a quarter too high


def test_a_reply_in_one_burst_has_no_rate() -> None:
    assert burst_rate(Assembly(arrivals=[(1.0, 4), (1.001, 6)]), 4) is None
    assert burst_rate(Assembly(arrivals=[(1.0, 10)]), 4) is None
    assert burst_rate(Assembly(), 4) is None
    assert burst_rate(Assembly(arrivals=[(1.0, 1), (2.0, 1)]), 1) is None
    assert burst_rate(Assembly(arrivals=[(1.0, 1), (2.0, 1)]), None) is None


@given(st.integers(min_value=2, max_value=50), st.floats(min_value=0.003, max_value=0.2))
def test_token_by_token_both_say_the_same(tokens: int, step_s: float) -> None:
    arrivals = [(step_s * at, 3) for at in range(tokens)]
    whole = Assembly(first_s=0.0, last_s=arrivals[-1][0], arrivals=arrivals)
    assert burst_rate(whole, tokens) == pytest.approx(decode_rate(whole, tokens))


def test_all_that_was_generated_is_text() -> None:
    call = '{"index":0,"function":{"name":"ls","arguments":"{}"}}'
    deltas = ['{"content":"abc"}', '{"reasoning_content":"de"}', f'{{"tool_calls":[{call}]}}']
    events = [
        SseEvent(data=f'{{"choices":[{{"delta":{delta}}}]}}', at_s=float(at))
        for at, delta in enumerate(deltas)
    ]
    assert assemble(events).arrivals == [(0.0, 3), (1.0, 2), (2.0, 4)]
