"""Events cut out of stamped bytes, wherever the network cut them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.replay.sse import SseEvent, parse_events

STREAM = b'data: {"a":"\xc3\xa4"}\n\n: ping\n\ndata: x\r\ndata: y\r\n\r\ndata: [DONE]\n\n'
EXPECTED = ['{"a":"ä"}', "x\ny", "[DONE]"]


def test_each_event_has_the_stamp_of_its_own_chunk() -> None:
    chunks = [(1.0, b"data: a\n\n"), (2.0, b": ping\n\n"), (3.0, b"data: b\n\ndata: c\n\n")]
    assert parse_events(chunks) == [SseEvent(1.0, "a"), SseEvent(3.0, "b"), SseEvent(3.0, "c")]


def test_an_event_split_over_chunks_arrives_with_its_last_data_byte() -> None:
    chunks = [(1.0, b"data: he"), (2.0, b"llo"), (5.0, b"\n\n")]
    assert parse_events(chunks) == [SseEvent(2.0, "hello")]


def test_an_event_without_its_blank_line_is_kept() -> None:
    assert [e.data for e in parse_events([(1.0, b"data: a\n\ndata: [DONE]")])] == ["a", "[DONE]"]


def test_error_events_are_marked() -> None:
    named = parse_events([(1.0, b'event: error\ndata: {"message":"no"}\n\ndata: fine\n\n')])
    assert [e.is_error for e in named] == [True, False]
    older = parse_events([(1.0, b'error: {"message":"no"}\n\n')])
    assert older == [SseEvent(1.0, '{"message":"no"}', is_error=True)]


def test_nothing_gives_nothing() -> None:
    assert parse_events([]) == []
    assert parse_events([(1.0, b"")]) == []


@settings(max_examples=60, deadline=None)
@given(cuts=st.sets(st.integers(1, len(STREAM) - 1)))
def test_cuts_change_no_event(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    events = parse_events([(float(at), piece) for at, piece in enumerate(pieces)])
    assert [e.data for e in events] == EXPECTED
    assert [e.at_s for e in events] == sorted(e.at_s for e in events)
