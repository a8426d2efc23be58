"""Who speaks from which token to which."""

from __future__ import annotations

import pytest

from autotune.workload.traces.layout import Layout, Run, edited, extended, opening


def shape(layout: Layout) -> list[tuple[str, int, int]]:
    return [(span.role, span.start, span.stop) for span in layout]


def words(layout: Layout) -> list[tuple[Run, ...]]:
    return [span.runs for span in layout]


def test_the_first_prompt_ends_where_the_reply_begins() -> None:
    layout = opening(1000, 512, row=0)
    assert shape(layout) == [("system", 0, 512), ("user", 512, 997)]
    assert words(layout) == [(Run(3, 510, 0),), (Run(515, 995, 0),)]


def test_a_short_prompt_has_a_word_for_each() -> None:
    assert shape(opening(40, 512, row=0)) == [("system", 0, 31), ("user", 31, 37)]
    assert shape(opening(1, 512, row=0)) == [("system", 0, 6), ("user", 6, 12)]


def test_the_next_prompt_has_the_reply_at_its_length() -> None:
    first = opening(1000, 512, row=0)
    layout = extended(first, 1200, 100, row=1)
    assert layout[:2] == first
    assert shape(layout)[2:] == [("assistant", 997, 1102), ("user", 1102, 1197)]
    assert layout[2].runs == (Run(1000, 1100, 1),)


def test_a_reply_that_does_not_fit_is_cut() -> None:
    first = opening(1000, 512, row=0)
    assert shape(extended(first, 1050, 100, row=1))[2:] == [
        ("assistant", 997, 1041),
        ("user", 1041, 1047),
    ]
    assert shape(extended(first, 1001, 100, row=1))[2:] == [
        ("assistant", 997, 1003),
        ("user", 1003, 1009),
    ]


def test_a_reply_of_unknown_length_is_one_word() -> None:
    first = opening(1000, 512, row=0)
    for reply in (None, 0):
        layout = extended(first, 1050, reply, row=1)
        assert shape(layout)[2:] == [("assistant", 997, 1003), ("user", 1003, 1047)]


@pytest.mark.parametrize(
    ("at", "kept", "expected"),
    [
        (512, 1, [("user", 512, 1297)]),
        (640, 1, [("user", 512, 1297)]),
        (998, 2, [("assistant", 997, 1003), ("user", 1003, 1297)]),
        (1024, 2, [("assistant", 997, 1026), ("user", 1026, 1297)]),
        (1101, 3, [("user", 1102, 1297)]),
        (256, 0, [("system", 0, 512), ("user", 512, 1297)]),
        (1197, 4, [("user", 1197, 1297)]),
        (1199, 4, [("assistant", 1197, 1203), ("user", 1203, 1297)]),
    ],
)
def test_an_edited_prompt_breaks_where_it_says(
    at: int, kept: int, expected: list[tuple[str, int, int]]
) -> None:
    before = extended(opening(1000, 512, row=0), 1200, 100, row=1)
    after = edited(before, at, at + 16, 1300, row=2)
    assert after[:kept] == before[:kept]
    assert shape(after)[kept:] == expected
    for span in after[kept:]:
        assert all(run.row == 2 for run in span.runs if run.start >= at)
        assert all(run.row < 2 for run in span.runs if run.start < min(at, 1197))
        starts, stops = [r.start for r in span.runs], [r.stop for r in span.runs]
        assert starts == [span.start + 3, *stops[:-1]]
        assert stops[-1] == span.stop - 2


def test_a_system_message_that_ends_in_the_block_of_the_break_is_kept() -> None:
    before = opening(1000, 500, row=0)
    for until, role in ((504, "user"), (503, "system")):
        after = edited(before, 448, until, 900, row=1)
        assert next(span.role for span in after if span not in before) == role
