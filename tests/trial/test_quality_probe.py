"""An engine asked at every position, and two engines compared."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

import pytest

from autotune.scoring.divergence import FARTHEST, TopK
from autotune.scoring.quality import CallOutcome
from autotune.trial.next_token import Tokens, Tools
from autotune.trial.quality_places import Place
from autotune.trial.quality_probe import (
    Answer,
    Answers,
    Probe,
    WrittenCall,
    compare_answers,
    compare_calls,
)
from autotune.trial.quality_walks import Walk
from autotune.workload.model import Message

TOOL = {"type": "function", "function": {"name": "grep", "parameters": {"required": ["q"]}}}
CALL = '<tool_call>{"name": "grep", "arguments": {"q": "x"}}</tool_call>'
SURE = {"a": math.log(0.9), "b": math.log(0.05)}


def messages(turns: int, last: str = "Go on.") -> tuple[Message, ...]:
    pairs = [
        ({"role": "user", "content": f"Question number {at}."},
         {"role": "assistant", "content": f"Answer number {at} {CALL}"})
        for at in range(turns)
    ]  # fmt: skip
    return (*itertools.chain.from_iterable(pairs), {"role": "user", "content": last})


def walk(name: str = "s", turns: int = 4) -> Walk:
    return Walk(name, turns, 100, messages(turns, "Whole."), messages(turns), (), (TOOL,))


class Engine:
    """Cuts prompts into words and is sure of everything; `refuses` messages that end so."""

    def __init__(self, refuses: str = "", cuts: bool = True, text: str = "") -> None:
        self.refuses, self.cuts, self.text = refuses, cuts, text
        self.asked: list[int] = []
        self.firsts = 0

    def tokens(self, messages: Sequence[Message], tools: Tools) -> Tokens | None:
        if not self.cuts or messages[-1]["content"] == self.refuses:
            return None
        text = "".join(f"<{m['role']}>{m['content']}" for m in messages)
        pieces = [piece.encode() for piece in re.findall(r"\w+|\s+|.", text)]
        return Tokens(tuple(range(len(pieces))), tuple(pieces))

    def after(self, ids: Sequence[int]) -> TopK | None:
        self.asked.append(len(ids))
        return SURE

    def first(self, messages: Sequence[Message], tools: Tools) -> TopK | None:
        self.firsts += 1
        return SURE

    def written(self, ids: Sequence[int], tokens: int) -> str | None:
        return self.text


def test_positions_are_asked_from_the_start_to_the_end_so_that_the_cache_serves() -> None:
    engine = Engine()
    answers = Probe(engine, [walk()], positions=30, calls=2).run()
    assert len(answers.rows) == 30
    assert engine.asked == sorted(engine.asked)
    assert len(answers.calls) == 2
    assert not answers.cut_short
    again = Probe(Engine(), [walk()], positions=30, calls=2).run()
    assert [row.key for row in again.rows] == [row.key for row in answers.rows]


def test_walks_share_the_positions_and_the_calls() -> None:
    answers = Probe(Engine(), [walk("s"), walk("t"), walk("u")], positions=31, calls=4).run()
    counts = [sum(row.session_id == name for row in answers.rows) for name in "stu"]
    assert (sum(counts), max(counts) - min(counts)) == (31, 1)
    assert len(answers.calls) == 4


def test_a_template_that_refuses_the_closing_message_gets_the_prompt_as_it_was() -> None:
    assert len(Probe(Engine(refuses="Whole."), [walk()], positions=10).run().rows) == 10


def test_an_engine_whose_prompts_cannot_be_cut_is_asked_for_first_tokens() -> None:
    engine = Engine(cuts=False)
    answers = Probe(engine, [walk(turns=4)], positions=30).run()
    assert engine.firsts == len(answers.rows) == 4
    assert answers.calls == ()


def test_the_time_ends_the_asking_wherever_it_is() -> None:
    ticks = itertools.count()
    probe = Probe(Engine(), [walk()], positions=30, limit_s=10, clock=lambda: float(next(ticks)))
    answers = probe.run()
    assert 5 < len(answers.rows) < 30
    assert answers.cut_short


def test_a_call_is_written_from_its_first_brace_on() -> None:
    engine = Engine(text='"name": "grep", "arguments": {"q": "y"}} and more')
    answers = Probe(engine, [walk()], positions=0, calls=3).run()
    assert {call.text for call in answers.calls} == {"{" + engine.text}
    assert {call.name for call in answers.calls} == {"grep"}


def test_answers_survive_the_disk() -> None:
    answers = Probe(Engine(text="x"), [walk()], positions=12, calls=2).run()
    assert Answers.from_json(answers.to_json()) == answers


def row(at: int, top: TopK) -> Answer:
    return Answer("s#1", "s", Place(at, 2, "text"), top)


def test_positions_are_paired_and_a_missing_number_is_as_far_as_can_be() -> None:
    reference = Answers((row(1, SURE), row(2, SURE), row(3, {}), row(4, SURE)))
    candidate = Answers((row(2, {}), row(1, SURE), row(3, SURE)))
    first, second = compare_answers(reference, candidate)
    assert (first.at, first.kl, first.same_top, first.reply) == (1, 0.0, True, "s#1/2")
    assert (second.at, second.kl, second.same_top) == (2, pytest.approx(FARTHEST), False)


def test_calls_are_paired_and_judged_by_their_definitions() -> None:
    good = '{"name": "grep", "arguments": {"q": "x"}}'

    def said(*texts: str) -> Answers:
        rows = [WrittenCall("s#4", at, "grep", text) for at, text in enumerate(texts)]
        return Answers((), tuple(rows))

    found = compare_calls(said(good, good, "no", good), said(good, "{", good), [walk()])
    assert found == [CallOutcome.KEPT, CallOutcome.BROKEN]
