from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.workload.depth import (
    DEFAULT_EDGES,
    DepthBuckets,
    DepthMeter,
    DepthRange,
    bucket_label,
    message_chars,
    parse_depth_range,
    session_depths,
    tools_chars,
)
from autotune.workload.model import Recorded, Session, Turn


@pytest.mark.parametrize(
    ("tokens", "label"),
    [
        (0, "0-10k"),
        (9_999, "0-10k"),
        (10_000, "10-30k"),
        (59_999, "30-60k"),
        (60_000, "60-120k"),
        (120_000, "120k+"),
        (1_000_000, "120k+"),
    ],
)
def test_default_buckets(tokens: int, label: str) -> None:
    assert bucket_label(tokens) == label


def test_labels_of_odd_edges() -> None:
    assert DepthBuckets((500, 1_500, 2_000)).labels == ("0-500", "0.5-1.5k", "1.5-2k", "2k+")


@pytest.mark.parametrize("edges", [(0, 10), (20, 10), (10, 10), (-1,)])
def test_bad_edges_are_refused(edges: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="ascending"):
        DepthBuckets(edges)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("60k-120k", 60_000, 120_000),
        ("60-120k", 60_000, 120_000),
        ("60000-120000", 60_000, 120_000),
        ("120k+", 120_000, None),
        (" 1.5K - 2K ", 1_500, 2_000),
        ("0-10k", 0, 10_000),
    ],
)
def test_ranges_are_parsed(text: str, low: int, high: int | None) -> None:
    assert parse_depth_range(text) == DepthRange(low, high)


@pytest.mark.parametrize("text", ["", "60k", "120k-60k", "a-b", "-5", "1.23456k+", "nan+", "inf+"])
def test_other_ranges_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a depth range") as caught:
        parse_depth_range(text)
    assert "60k-120k" in caught.value.hint


@given(st.sets(st.integers(1, 400_000), min_size=1, max_size=6))
def test_every_label_parses_back(edges: set[int]) -> None:
    buckets = DepthBuckets(tuple(sorted(edges)))
    assert tuple(map(parse_depth_range, buckets.labels)) == buckets.ranges


@given(st.integers(0, 300_000))
def test_a_depth_is_in_one_bucket(tokens: int) -> None:
    holding = [bucket for bucket in DepthBuckets().ranges if tokens in bucket]
    assert [str(bucket) for bucket in holding] == [bucket_label(tokens)]


def test_edges_are_the_published_ones() -> None:
    assert DEFAULT_EDGES == (10_000, 30_000, 60_000, 120_000)


def test_characters_of_messages() -> None:
    call = {"id": "x", "function": {"name": "read", "arguments": '{"a":1}'}}
    assert message_chars({"role": "user", "content": "12345"}) == 5
    assert message_chars({"role": "assistant", "content": None, "tool_calls": [call]}) == 4 + 7
    parts = [{"type": "text", "text": "123"}, {"type": "text", "text": "45"}]
    assert message_chars({"role": "user", "content": parts}) == 5
    assert message_chars({"role": "assistant", "reasoning_content": "hm", "content": "x"}) == 3


def test_characters_of_tools() -> None:
    assert tools_chars(()) == 0
    assert tools_chars(({"name": "é"},)) == len('[{"name":"é"}]')


def test_recorded_depth_comes_first(make_session: Callable[..., Session]) -> None:
    (depth,) = session_depths(make_session("a", [1234]))
    assert (depth.tokens, depth.estimated) == (1234, False)


def test_unrecorded_depth_is_characters_over_four() -> None:
    messages = ({"role": "user", "content": "x" * 400},)
    depth = DepthMeter().depth(Turn("a", 0, messages))
    assert (depth.tokens, depth.estimated) == (100, True)


def test_an_estimate_goes_on_from_the_last_count() -> None:
    first = ({"role": "user", "content": "x" * 400},)
    second = (*first, {"role": "user", "content": "y" * 80})
    counted = Turn("a", 0, first, recorded=Recorded(prompt_tokens=1000))
    failed = Turn("a", 1, second, keep=1)
    depths = session_depths(Session("a", (counted, failed)))
    assert [(d.tokens, d.estimated) for d in depths] == [(1000, False), (1020, True)]


def test_a_shorter_prompt_is_measured_anew() -> None:
    head = {"role": "user", "content": "x" * 40}
    long = Turn("a", 0, (head, {"role": "user", "content": "y" * 400}))
    short = Turn("a", 1, (head, {"role": "user", "content": "z" * 40}))
    assert [DepthMeter().chars(turn) for turn in (long, short)] == [440, 80]
    meter = DepthMeter()
    assert [meter.chars(turn) for turn in (long, short)] == [440, 80]
