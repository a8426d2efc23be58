"""Reusable tokens, causes and ceilings of whole sessions, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.workload.depth import Depth
from autotune.workload.model import Boundary, Message, Session, Turn
from autotune.workload.reuse import reuse_of


def said(text: str) -> Message:
    return {"role": "user", "content": text}


def session(*prompts: tuple[str, ...], name: str = "s") -> Session:
    known: dict[str, Message] = {}
    turns = tuple(
        Turn(name, n, tuple(known.setdefault(text, said(text)) for text in texts))
        for n, texts in enumerate(prompts)
    )
    return Session(name, turns)


def depths(*tokens: int, estimated: bool = False) -> list[Depth]:
    return [Depth(count, estimated) for count in tokens]


def test_an_append_only_session_reuses_the_whole_prompt_before() -> None:
    report = reuse_of([(session(("a",), ("a", "b"), ("a", "b", "c")), depths(100, 150, 160))])
    assert (report.turns, report.append_only) == (2, 2)
    assert report.reusable_share == pytest.approx((100 + 150) / (150 + 160))
    assert report.reusable_share_p50 == pytest.approx((100 / 150 + 150 / 160) / 2)
    assert report.causes == {}
    # The slot holds 100 and then 150 of 410 prompt tokens.
    assert report.ceilings[1] == pytest.approx(250 / 410)


def test_a_break_costs_what_stands_behind_it() -> None:
    # Each message renders to "user", two newlines and 94 letters: 100 characters; 25 tokens.
    a, b, c = ("a" * 94, "b" * 94, "c" * 94)
    made = session((a, b), (a, c))
    report = reuse_of([(made, depths(50, 50, estimated=True))])
    assert report.causes == {"message rewritten": 1}
    assert report.reusable_share == pytest.approx(0.5)
    assert report.lost_tokens == {"message rewritten": 25}


def test_what_the_log_does_not_show_stands_in_front_and_stays() -> None:
    a, b, c = ("a" * 94, "b" * 94, "c" * 94)
    # 1,050 recorded tokens, 50 of them visible: 1,000 hidden, and half of the visible stays.
    report = reuse_of([(session((a, b), (a, c)), depths(1050, 1050))])
    assert report.reusable_share == pytest.approx(1025 / 1050)


def test_a_compaction_is_named_by_the_capture() -> None:
    made = session(("a", "b"), ("summary",), ("summary", "c"))
    turns = list(made.turns)
    turns[1] = replace(turns[1], boundary=Boundary.COMPACTION)
    report = reuse_of([(Session("s", tuple(turns)), depths(100, 20, 30))])
    assert report.causes == {"compaction": 1}
    assert (report.turns, report.append_only) == (2, 1)


def test_ceilings_grow_with_the_slots() -> None:
    one = session(("a",), ("a", "b"), name="one")
    two = session(("x",), ("x", "y"), name="two")
    times = {"one": (1.0, 3.0), "two": (2.0, 4.0)}
    rows = [
        (
            replace(
                s,
                turns=tuple(replace(t, timestamp_ms=times[s.session_id][t.index]) for t in s.turns),
            ),
            depths(100, 200, estimated=True),
        )
        for s in (one, two)
    ]
    report = reuse_of(rows)
    assert report.ceilings[1] == 0.0
    assert report.ceilings[2] == report.ceilings[8] > 0.3


def test_without_followers_there_is_nothing_to_say() -> None:
    report = reuse_of([(session(("a",)), depths(10))])
    assert (report.turns, report.reusable_share, report.reusable_share_p50) == (0, None, None)
