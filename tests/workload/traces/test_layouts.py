"""Prompts of made-up traces: exact lengths, and exactly the prefixes that the ids share."""

from __future__ import annotations

from array import array
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.model import Message
from autotune.workload.traces.chains import Chains
from autotune.workload.traces.layout import HEADER_TOKENS, MIN_TOKENS
from autotune.workload.traces.layouts import Layouts, goes_on, system_blocks
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.text import TraceText
from autotune.workload.traces.tree import common_ids

SIZE = 16


def row(line: int, *ids: int, tail: int = 0, out: int | None = 5) -> TraceRow:
    return TraceRow(line, len(ids) * SIZE + tail, out, array("q", ids))


def tokens(messages: list[Message]) -> list[str]:
    """A prompt as ChatML has it, with one token a word."""
    rendered: list[str] = []
    for message in messages:
        rendered += ["<", message["role"], "\n", *message["content"].split(), ">", "\n"]
    return [*rendered, "<", "assistant", "\n"]


def prompts(rows: list[TraceRow]) -> list[list[str]]:
    """Every row as tokens, in the sessions that `Chains` finds."""
    layouts = Layouts(rows, SIZE)
    chains = Chains(rows, layouts.common)
    text = TraceText("t", SIZE, rows)
    for index in range(len(rows)):
        laid = layouts.insert(index)
        layouts.lay(index, chains.place(index, laid).before, laid)
    return [tokens([text.message(s) for s in layouts.of[i]]) for i in range(len(rows))]


def in_common(one: list[str], other: list[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def test_system_blocks_are_those_that_prompts_go_on_from_in_different_ways() -> None:
    rows = [row(1, 1, 2, 3, 4), row(2, 1, 2, 5, 6), row(3, 9, 8, 7), row(4, 9, 8, 7, 6, 5)]
    assert system_blocks(rows, SIZE) == {1: 2}
    short = row(5, 1, 2, tail=3)
    assert system_blocks([*rows, short], SIZE) == {1: 1}


def test_goes_on() -> None:
    first = row(1, 1, 2, tail=5)
    assert goes_on(first, row(2, 1, 2, 3))
    assert not goes_on(first, row(2, 1, 3, 3))
    assert not goes_on(first, row(2, 1, 2, tail=5))
    short = row(1, tail=10, out=5)
    assert goes_on(short, row(2, 1))
    assert not goes_on(short, row(2, tail=12))


@st.composite
def traces(draw: st.DrawFn) -> list[TraceRow]:
    """Rows that begin as any part of an earlier one and go on with blocks of their own."""
    rows = [row(1, 0, 1, 2, tail=draw(st.integers(0, SIZE - 1)))]
    fresh = 3
    for line in range(2, draw(st.integers(3, 9))):
        base = draw(st.sampled_from(rows))
        kept = list(base.full[: draw(st.sampled_from([len(base.full), len(base.full), 0, 1, 2]))])
        added = draw(st.integers(0 if kept else 1, 5))
        ids = [*kept, *range(fresh, fresh + added)]
        fresh += added
        tail, out = draw(st.integers(0, SIZE - 1)), draw(st.sampled_from([None, 0, 3, 30]))
        rows.append(row(line, *ids, tail=tail, out=out))
    return rows


@given(traces())
def test_lengths_and_prefixes_are_those_of_the_trace(rows: list[TraceRow]) -> None:
    rendered = prompts(rows)
    for each, prompt in zip(rows, rendered, strict=True):
        assert -MIN_TOKENS < len(prompt) - each.input_tokens <= 2 * MIN_TOKENS + HEADER_TOKENS
    for one, other in combinations(range(len(rows)), 2):
        shared = common_ids(rows[one].full, rows[other].full)
        assert in_common(rendered[one], rendered[other]) >= shared * SIZE
        ended = shared in (len(rows[one].full), len(rows[other].full))
        if not ended:
            assert in_common(rendered[one], rendered[other]) < (shared + 1) * SIZE


def test_a_trace_of_long_prompts_is_exact_to_the_token() -> None:
    rows = [row(1, *range(20)), row(2, *range(25), tail=3), row(3, *range(10), *range(50, 60))]
    assert [len(p) for p in prompts(rows)] == [each.input_tokens for each in rows]


def test_the_same_hashed_prompt_is_laid_out_once() -> None:
    rows = [row(1, 1, 2, 3, out=2), row(2, 1, 2, 3, out=2)]
    first, second = prompts(rows)
    assert first == second


def test_a_row_that_tells_what_it_adds_stands_behind_all_before() -> None:
    rows = [row(1, 1, 2), TraceRow(2, 120, 5, array("q", [3, 4]))]
    layouts = Layouts(rows, SIZE)
    layouts.lay(0, None, layouts.insert(0))
    layouts.append(1, 0)
    assert layouts.of[1][:2] == layouts.of[0]
    text = TraceText("t", SIZE, rows)
    assert len(tokens([text.message(span) for span in layouts.of[1]])) == 120


def test_the_turn_before_once_more_is_a_retry() -> None:
    rows = [row(1, 1, 2, tail=5), row(2, 1, 2, tail=5), row(3, 1, 2, tail=6)]
    layouts = Layouts(rows, SIZE)
    for index, before in ((0, None), (1, 0), (2, 1)):
        layouts.lay(index, before, layouts.insert(index))
    assert layouts.of[1] is layouts.of[0]
    assert layouts.of[2] != layouts.of[1]
