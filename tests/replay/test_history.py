"""What each prompt carries of the replies before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.replay.history import SessionHistory
from autotune.replay.outcome import Reply
from autotune.replay.plan import History
from autotune.workload.model import Message, Session, Turn

Make = Callable[..., Session]


def walk(session: Session, history: History, replies: list[Reply]) -> list[tuple[Message, ...]]:
    """The prompt of every turn, the engine having answered with `replies`."""
    kept = SessionHistory(history)
    prompts = []
    for turn, reply in zip(session.turns, replies, strict=True):
        prompts.append(kept.prompt(turn))
        kept.answered(reply)
    return prompts


def test_recorded_history_is_the_very_capture(make_session: Make) -> None:
    session = make_session("a", 3)
    prompts = walk(session, History.RECORDED, [Reply("x")] * 3)
    assert all(p is t.messages for p, t in zip(prompts, session.turns, strict=True))


def test_closed_loop_puts_the_engines_reply_in_the_recorded_ones_place(make_session: Make) -> None:
    session = make_session("a", 3)
    prompts = walk(session, History.CLOSED_LOOP, [Reply("x0", "why"), Reply("x1"), Reply("x2")])
    assert prompts[0] == session.turns[0].messages
    mine = {"role": "assistant", "content": "x0", "reasoning_content": "why"}
    assert prompts[1][2:] == (mine, session.turns[1].messages[3])
    assert prompts[2][2] is prompts[1][2]
    assert prompts[2][4] == {"role": "assistant", "content": "x1"}
    assert prompts[2][5]["tool_call_id"] == "call1"  # an orphan now, and as it was recorded


def test_the_engines_own_calls_lend_their_ids_to_the_results(make_session: Make) -> None:
    call = {"id": "mine", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    prompts = walk(
        make_session("a", 2), History.CLOSED_LOOP, [Reply("", tool_calls=(call,)), Reply()]
    )
    assert prompts[1][2]["tool_calls"] == [call]
    assert prompts[1][3] == {"role": "tool", "tool_call_id": "mine", "content": "result 0"}


def test_a_reply_recorded_in_several_messages_is_replaced_as_a_whole() -> None:
    user: Message = {"role": "user", "content": "hi"}
    recorded = tuple({"role": "assistant", "content": part} for part in ("one", "two"))
    turns = (
        Turn("a", 0, (user,)),
        Turn("a", 1, (user, *recorded, user)),
        Turn("a", 2, (user, *recorded, user, recorded[0], user)),
    )
    prompts = walk(Session("a", turns), History.CLOSED_LOOP, [Reply("x"), Reply("y"), Reply()])
    assert [m["content"] for m in prompts[1]] == ["hi", "x", "hi"]
    assert [m["content"] for m in prompts[2]] == ["hi", "x", "hi", "y", "hi"]


def test_a_context_edit_drops_what_lies_behind_it(make_session: Make) -> None:
    session = make_session("a", 3)
    summary: Message = {"role": "user", "content": "summary"}
    compacted = (*session.turns[2].messages[:4], summary)
    turns = (*session.turns, Turn("a", 3, compacted, keep=4))
    prompts = walk(Session("a", turns), History.CLOSED_LOOP, [Reply(f"x{at}") for at in range(4)])
    contents = [m["content"] for m in prompts[3]]
    assert contents == ["be good", "task a", "x0", "result 0", "summary"]


def test_an_edit_of_the_first_message_goes_back_to_the_capture(make_session: Make) -> None:
    session = make_session("a", 2)
    edited = ({"role": "system", "content": "new"}, *session.turns[1].messages[1:])
    turns = (*session.turns, Turn("a", 2, edited))
    prompts = walk(Session("a", turns), History.CLOSED_LOOP, [Reply("x")] * 3)
    assert prompts[2] == edited


def test_a_prompt_that_is_sent_again_keeps_its_reply_for_later(make_session: Make) -> None:
    first, second = make_session("a", 2).turns
    turns = (first, Turn("a", 1, first.messages), Turn("a", 2, second.messages))
    prompts = walk(Session("a", turns), History.CLOSED_LOOP, [Reply("x"), Reply("again"), Reply()])
    assert prompts[1] == first.messages
    assert prompts[2][2]["content"] == "again"


@settings(max_examples=25, deadline=None)
@given(turns=st.integers(2, 8), words=st.lists(st.text(max_size=5), min_size=8, max_size=8))
def test_closed_loop_prompts_extend_each_other(turns: int, words: list[str]) -> None:
    from_user: Message = {"role": "user", "content": "u"}
    messages: tuple[Message, ...] = (from_user,)
    made: list[Any] = []
    for at in range(turns):
        made.append(Turn("a", at, messages))
        messages = (*messages, {"role": "assistant", "content": "rec"}, from_user)
    replies = [Reply(word) for word in words[:turns]]
    prompts = walk(Session("a", tuple(made)), History.CLOSED_LOOP, replies)
    for at in range(1, turns):
        expected = (*prompts[at - 1], replies[at - 1].as_message(), from_user)
        assert prompts[at] == expected
