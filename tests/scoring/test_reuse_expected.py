"""What each turn could have reused, on sessions of a few tokens."""

from __future__ import annotations

from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.reuse_expected import expected_reuse, noted
from autotune.scoring.reuse_model import (
    CacheShape,
    Cause,
    EngineNote,
    Follows,
    Holder,
    SentPrompt,
)
from autotune.scoring.reuse_tokens import Tokens

ONE_SLOT = CacheShape(holder=Holder.SLOTS, slots=1)
TWO_SLOTS = CacheShape(holder=Holder.SLOTS, slots=2)


def sent(
    session: str, turn: int, *parts: range, reply: range = range(0), **more: Any
) -> SentPrompt:
    tokens = Tokens.of(number for part in parts for number in part)
    follows = more.pop("follows", Follows.EXTENDS if turn else Follows.FIRST)
    return SentPrompt(
        session_id=session, turn=turn, tokens=tokens, reply=Tokens.of(reply), follows=follows,
        **more,
    )  # fmt: skip


A0 = sent("a", 0, range(100), reply=range(100, 110))
A1 = sent("a", 1, range(150))
B0 = sent("b", 0, range(1000, 1080))


def test_a_turn_could_reuse_the_prompt_and_the_reply_before_it() -> None:
    first, second = expected_reuse([A0, A1], ONE_SLOT)
    assert (first.before_tokens, first.ideal_tokens, first.ideal_from) == (0, 0, None)
    # Of ten reply tokens the last was never computed.
    assert (second.before_tokens, second.ideal_tokens) == (109, 109)
    assert (second.ideal_from, second.ideal_prompt_tokens) == (("a", 0), 100)
    assert second.held_tokens == 109
    assert not second.others_since


def test_another_session_in_between_takes_the_only_slot() -> None:
    *_, last = expected_reuse([A0, B0, A1], ONE_SLOT)
    assert (last.ideal_tokens, last.held_tokens) == (109, 0)
    assert last.gone == (Cause.EVICTED, "b")
    assert last.others_since
    *_, last = expected_reuse([A0, B0, A1], TWO_SLOTS)
    assert (last.ideal_tokens, last.held_tokens, last.gone) == (109, 109, None)


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    _, again = expected_reuse([A0, sent("c", 0, range(100))], TWO_SLOTS)
    assert again.ideal_tokens == 99


def test_an_edit_leaves_the_part_in_front_of_it() -> None:
    edited = sent("a", 1, range(60), range(500, 560), follows=Follows.EDITED, edit="compaction")
    _, turn = expected_reuse([A0, edited], ONE_SLOT)
    assert (turn.before_tokens, turn.ideal_tokens, turn.held_tokens) == (100, 60, 60)
    assert turn.edit == "compaction"


def test_a_recorded_reply_is_not_expected_back() -> None:
    other = sent("a", 1, range(100), range(700, 750), follows=Follows.OTHER_REPLY)
    _, turn = expected_reuse([A0, other], ONE_SLOT)
    assert (turn.before_tokens, turn.ideal_tokens) == (100, 100)


def test_the_engine_is_believed_about_what_its_slot_held() -> None:
    note = EngineNote(prompt_tokens=150, cached_tokens=112, slot=0, slot_shared=112)
    _, turn = expected_reuse([A0, A1], ONE_SLOT, [None, note])
    assert (turn.ideal_tokens, turn.held_tokens) == (112, 112)


def test_nothing_is_said_of_an_unknown_cache() -> None:
    *_, last = expected_reuse([A0, B0, A1], CacheShape())
    assert (last.ideal_tokens, last.held_tokens, last.gone) == (109, None, None)


def test_estimated_prompts_are_in_tokens_by_their_scale() -> None:
    _, turn = expected_reuse([A0, sent("a", 1, range(200), scale=0.5)], CacheShape())
    assert (turn.counted_tokens, turn.ideal_tokens, turn.estimated) == (100, 54, True)


def record(order: int, depth: int, cached: int) -> TurnRecord:
    return TurnRecord(
        arm="a", block=0, order=order, session_id="s", turn=order, started_at="",
        asked_output_tokens=4, depth_tokens=depth, cached_tokens=cached,
    )  # fmt: skip


def test_notes_are_found_by_their_counts_and_used_once() -> None:
    warm_up = EngineNote(prompt_tokens=40, cached_tokens=0)
    first = EngineNote(prompt_tokens=100, cached_tokens=0, slot=0)
    again = EngineNote(prompt_tokens=100, cached_tokens=0, slot=1)
    records = [record(0, 100, 0), record(1, 100, 0), record(2, 120, 7)]
    assert noted(records, [warm_up, first, again]) == [first, again, None]
