"""The prompts of a replay without an engine."""

from __future__ import annotations

from collections.abc import Callable

from autotune.replay.plan import History
from autotune.replay.prompts import replayed_prompts
from autotune.workload.model import Session
from autotune.workload.prefix import shared_objects

Make = Callable[..., Session]


def test_recorded_history_is_the_capture(make_session: Make) -> None:
    session = make_session("a", 3)
    prompts = replayed_prompts(session.turns, History.RECORDED, [5, 5, 5])
    assert prompts == [turn.messages for turn in session.turns]


def test_in_closed_loop_replies_have_their_pinned_length(make_session: Make) -> None:
    session = make_session("a", 3)
    first, second, third = replayed_prompts(session.turns, History.CLOSED_LOOP, [5, 7, 9])
    assert first == session.turns[0].messages
    replies = [m["content"].split() for m in third if m["role"] == "assistant"]
    assert [len(words) for words in replies] == [5, 7]
    assert replies[0] != replies[1][:5]
    assert shared_objects(second, third) == len(second)
    assert third == replayed_prompts(session.turns, History.CLOSED_LOOP, [5, 7, 9])[2]
