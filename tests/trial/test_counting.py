"""Depths by few counts: exact where asked, close everywhere."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.trial import counting
from autotune.trial.counting import TEMPLATE_TOKENS, counted_depths, message_text, text_guesses
from autotune.workload.model import Message

Growth = st.lists(st.integers(0, 3000), min_size=1, max_size=60)


class Engine:
    """Knows the depths; remembers which it was asked for."""

    def __init__(self, depths: list[int]) -> None:
        self.depths = depths
        self.asked: list[int] = []

    def count(self, at: int) -> int:
        self.asked.append(at)
        return self.depths[at]


def test_few_shallow_prompts_are_all_counted() -> None:
    engine = Engine([10, 20, 30])
    assert counted_depths(engine.count, [1.0, 1.0, 1.0]) == [10, 20, 30]
    assert engine.asked == [0, 1, 2]
    assert counted_depths(engine.count, []) == []


def test_a_long_session_is_counted_in_few_places() -> None:
    depths = list(range(1000, 401_000, 1000))  # 400 turns, 80 million tokens of prompts
    engine = Engine([round(1.2 * d) + 50 for d in depths])
    found = counted_depths(engine.count, [float(d) for d in depths])
    assert found == engine.depths
    assert len(engine.asked) == len(set(engine.asked)) == 19 + 2  # 190k tokens, then end and middle


def test_a_bend_is_found() -> None:
    guesses = [float(d) for d in range(10_000, 110_000, 1000)]
    depths = [round(g if g < 60_000 else 60_000 + 1.5 * (g - 60_000)) for g in guesses]
    engine = Engine(depths)
    found = counted_depths(engine.count, guesses)
    assert max(abs(a - b) / b for a, b in zip(found, depths, strict=True)) < 0.005
    assert len(engine.asked) < 60


def test_a_compaction_is_counted_on_both_sides() -> None:
    guesses = [100_000.0, 150_000.0, 160_000.0, 20_000.0, 90_000.0, 95_000.0]
    depths = [int(g * 1.1) for g in guesses]
    engine = Engine(depths)
    assert counted_depths(engine.count, guesses) == depths
    assert {2, 3} <= set(engine.asked)


@given(Growth, st.floats(0.5, 2.0), st.integers(0, 30))
def test_what_follows_the_guesses_is_never_far_off(
    growth: list[int], scale: float, template: int
) -> None:
    guesses = [20_000.0 + g for g in accumulate(growth)]
    depths = [round(scale * g) + template * at for at, g in enumerate(guesses)]
    found = counted_depths(Engine(depths).count, guesses)
    assert all(abs(a - b) <= 0.005 * b + 2 for a, b in zip(found, depths, strict=True))


def test_messages_that_prompts_share_are_counted_once() -> None:
    first: Message = {"role": "user", "content": "one two"}
    reply: Message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result: Message = {"role": "tool", "content": "three"}
    asked: list[str] = []

    def tokens(text: str) -> int:
        asked.append(text)
        return len(text.split())

    prompts: list[tuple[Message, ...]] = [(first,), (first, reply, result), (first, reply, result)]
    each = TEMPLATE_TOKENS
    assert text_guesses(prompts, tokens) == [2 + each, 5 + 3 * each, 5 + 3 * each]
    assert asked == ["one two", "ls\n{}", "three"]
    assert text_guesses([*prompts, (result,)], tokens)[-1] == 1 + each


CALL = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"role": "user"}, ""),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}, "a\n"),
        ({"role": "user", "content": 5}, "5"),
        ({"role": "assistant", "content": "a", "reasoning_content": "b"}, "a\nb"),
        (
            {"role": "assistant", "content": "", "tool_calls": [CALL, 3, {"function": None}]},
            "ls\n{}",
        ),
    ],
)
def test_a_message_is_all_that_it_shows(message: Message, text: str) -> None:
    assert message_text(message) == text


def test_the_limit_of_what_is_counted_whole() -> None:
    assert counting.COUNT_ALL_TOKENS == 200_000
    engine = Engine([300_000])
    assert counted_depths(engine.count, [300_000.0]) == [300_000]
