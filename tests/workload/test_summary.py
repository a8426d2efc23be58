"""A session in numbers, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from autotune.workload.model import Boundary, Message, Recorded, Session, Turn
from autotune.workload.summary import summarize


def made(*depths: int, edited: int | None = None) -> Session:
    messages: tuple[Message, ...] = ()
    turns = []
    for index, tokens in enumerate(depths):
        keep = len(messages)
        messages = (*messages, {"role": "user", "content": "x"})
        turn = Turn(
            "s", index, messages, keep=keep, output_tokens=7, timestamp_ms=1000.0 * index,
            recorded=Recorded(prompt_tokens=tokens),
        )  # fmt: skip
        if index == edited:
            turn = replace(turn, keep=0, boundary=Boundary.COMPACTION)
        turns.append(turn)
    return Session("s", tuple(turns))


def test_depths_growth_and_what_a_warm_cache_prefills() -> None:
    found = summarize(made(5_000, 9_000, 12_000))
    assert (found.first_depth, found.max_depth, found.turns) == (5_000, 12_000, 3)
    assert found.growths == (4_000, 3_000)
    assert found.growth_p50 == 3_500
    assert (found.prompt_tokens, found.new_tokens, found.output_tokens) == (26_000, 12_000, 21)
    assert found.bucket_turns[:2] == (2, 1)
    assert found.times_ms == (0.0, 1000.0, 2000.0)


def test_behind_an_edit_everything_is_new() -> None:
    found = summarize(made(5_000, 9_000, 2_000, 2_500, edited=2))
    assert found.growths == (4_000, 500)
    assert found.new_tokens == 5_000 + 4_000 + 2_000 + 500


def test_one_turn_has_no_growth_and_times_are_all_or_none() -> None:
    one = made(100)
    assert summarize(one).growth_p50 == 0.0
    untimed = replace(one, turns=(replace(one.turns[0], timestamp_ms=None),))
    assert summarize(untimed).times_ms == ()
