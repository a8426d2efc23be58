from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autotune.recording.sse import Event, events, joined

STREAM = (
    b": a comment\n\ndata: one\n\nevent: delta\r\ndata: two\r\ndata:  three\r\n\r\n"
    b'id: 4\nretry: 9\n\nerror: {"code": 5}\n\ndata: caf\xc3\xa9\rdata\r\rdata: [DONE]'
)
EXPECTED = [
    ("one", ""),
    ("two\n three", "delta"),
    ('{"code": 5}', "error"),
    ("caf\u00e9\n", ""),
    ("[DONE]", ""),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [(float(at), STREAM[start:end]) for at, (start, end) in enumerate(pairwise(edges))]
    assert [(event.data, event.name) for event in events(chunks)] == EXPECTED
    assert joined(chunks) == STREAM


def test_an_event_is_stamped_with_the_end_of_its_data() -> None:
    chunks = [(1.0, b"data: a"), (2.0, b"b\n"), (3.0, b"\ndata: c\n\n")]
    assert list(events(chunks)) == [Event(2.0, "ab"), Event(3.0, "c")]


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    assert [e.data for e in events([(0.0, b"data: \xff\x00\n\n")])] == ["\ufffd\x00"]
