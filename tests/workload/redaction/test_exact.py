from __future__ import annotations

from typing import Any

from autotune.workload.redaction.exact import (
    EDGES,
    Context,
    Contexts,
    contexts_of,
    left_edge,
    right_edge,
    whole_context,
)
from autotune.workload.redaction.rules import Style
from autotune.workload.redaction.scanner import Span
from autotune.workload.redaction.tokenizer import Counter


def spans(text: str, *values: str) -> list[Span]:
    starts = [(text.index(value), value) for value in values]
    return [Span(at, at + len(v), "word", Style.NAME, False) for at, v in starts]


def test_a_context_is_the_value_its_marks_and_the_words_beyond() -> None:
    text = "see in /home/alice/project/x now"
    assert list(contexts_of(text, spans(text, "alice"))) == [
        Context(("home/", "alice", "/project"))
    ]


def test_values_close_by_share_a_context() -> None:
    text = "aa bb x@y cc dd"
    (context,) = contexts_of(text, spans(text, "x", "y"))
    assert context.values == ("x", "y")
    assert context.text == "bb x@y cc"
    assert context.with_({"x": "1", "y": "2"}) == "bb 1@2 cc"


def test_values_far_apart_do_not() -> None:
    text = "zz aa x bb cc dd y ee zz"
    assert [c.text for c in contexts_of(text, spans(text, "x", "y"))] == ["aa x bb", "dd y ee"]


def test_at_the_edge_of_a_text_anything_may_come() -> None:
    found = [c.text for c in contexts_of("x", spans("x", "x"))]
    assert found == [f"{a}x{b}" for a in EDGES for b in EDGES]


def test_long_words_are_cut() -> None:
    text = "a" * 100 + "/x/" + "b" * 100
    at = text.index("x")
    assert left_edge(text, at) == at - 25
    assert right_edge(text, at + 1) == at + 26


def test_a_pseudonym_fits_where_every_context_keeps_its_count(word_pieces: Any) -> None:
    contexts = Contexts(Counter(word_pieces))
    for text in ("see /alice/ now", "by alice here"):
        contexts.add(contexts_of(text, spans(text, "alice")))
    assert contexts.values == ("alice",)
    assert contexts.fits("alice", "a", {})
    assert not contexts.fits("alice", "zzzzz", {})


def test_values_beside_stand_as_they_are_until_they_have_a_pseudonym(word_pieces: Any) -> None:
    contexts = Contexts(Counter(word_pieces))
    contexts.add([whole_context("x-alice-zz", spans("x-alice-zz", "alice", "zz"))])
    assert not contexts.fits("alice", "zzzzz", {})
    assert contexts.fits("alice", "word", {})
    assert contexts.fits("zz", "qq", {"alice": "word"})
    assert not contexts.fits("zz", "qq", {"alice": "qqqqq"})
