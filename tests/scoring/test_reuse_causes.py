"""Each cause named, with its tokens, from figures a person can check."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.scoring.reuse_causes import losses_of
from autotune.scoring.reuse_model import (
    ADVICE,
    CacheShape,
    Cause,
    EngineNote,
    Expected,
    Follows,
    Holder,
)

SLOTS = CacheShape(holder=Holder.SLOTS, slots=1, enabled=True)
BLOCKS = CacheShape(holder=Holder.BLOCKS, enabled=True, block_tokens=16)


def turn(**fields: Any) -> Expected:
    """Turn 1 of `a`: 1500 tokens behind a prompt of 1000 with a reply of 100, all of it there."""
    usual: dict[str, Any] = {
        "session_id": "a",
        "turn": 1,
        "counted_tokens": 1500,
        "before_tokens": 1100,
        "ideal_tokens": 1100,
        "ideal_from": ("a", 0),
        "ideal_prompt_tokens": 1000,
        "held_tokens": 1100,
        "follows": Follows.EXTENDS,
    }
    return Expected(**{**usual, **fields})


def found(was: Expected, reused: int | None, shape: CacheShape = SLOTS) -> list[tuple[Cause, int]]:
    return [(loss.cause, loss.tokens) for loss in losses_of(was, reused, shape)]


def test_nothing_was_lost() -> None:
    assert found(turn(), 1100) == []
    assert found(turn(), 1110) == []


def test_nothing_is_said_where_the_engine_says_nothing() -> None:
    assert found(turn(), None) == []


def test_a_slot_that_another_session_took() -> None:
    gone = turn(held_tokens=3, gone=(Cause.EVICTED, "b"), others_since=True)
    (loss,) = losses_of(gone, 3, SLOTS)
    assert (loss.cause, loss.tokens, loss.detail) == (Cause.EVICTED, 1097, "by session b")


def test_no_room_is_not_an_eviction_by_a_session() -> None:
    assert found(turn(held_tokens=0, gone=(Cause.OVER_CAPACITY, "b")), 0) == [
        (Cause.OVER_CAPACITY, 1100)
    ]


def test_a_slot_that_held_it_and_was_not_chosen() -> None:
    note = EngineNote(prompt_tokens=1500, cached_tokens=0, slot=1, slot_shared=0, other_shared=90)
    assert found(turn(held_tokens=0, ideal_tokens=90, before_tokens=0, note=note), 0) == [
        (Cause.SLOT_NOT_MATCHED, 90)
    ]


def test_an_edit_and_then_a_checkpoint_each_have_their_tokens() -> None:
    note = EngineNote(
        prompt_tokens=1500, cached_tokens=512, slot=0, slot_shared=700, checkpoint_tokens=512
    )
    edited = turn(
        ideal_tokens=700, held_tokens=700, before_tokens=1000, follows=Follows.EDITED,
        edit="compaction", note=note,
    )  # fmt: skip
    first, second = losses_of(edited, 512, SLOTS)
    assert (first.cause, first.tokens, first.detail) == (Cause.CONTEXT_EDIT, 300, "compaction")
    assert (second.cause, second.tokens) == (Cause.CHECKPOINT, 188)
    assert second.detail == "back to the checkpoint at token 512"


def test_no_checkpoint_at_all() -> None:
    note = EngineNote(prompt_tokens=1500, cached_tokens=0, slot_shared=1100, restarted=True)
    assert found(turn(note=note), 0) == [(Cause.CHECKPOINT, 1100)]


def test_a_model_that_cannot_go_back_without_a_log() -> None:
    shape = CacheShape(holder=Holder.SLOTS, slots=1, rolls_back=False)
    assert found(turn(), 0, shape) == [(Cause.CHECKPOINT, 1100)]


def test_whole_blocks() -> None:
    # 1100 = 68 blocks of 16 and 12 tokens.
    assert found(turn(), 1088, BLOCKS) == [(Cause.BLOCKS, 12)]


def test_blocks_of_an_unknown_size_show_as_a_round_number() -> None:
    assert found(turn(), 1024, CacheShape()) == [(Cause.BLOCKS, 76)]
    assert found(turn(), 1001, CacheShape())[0][0] is not Cause.BLOCKS


def test_a_prompt_of_which_the_template_made_other_tokens() -> None:
    rewritten = turn(ideal_tokens=600, held_tokens=600)
    (loss,) = losses_of(rewritten, 600, SLOTS)
    assert (loss.cause, loss.tokens) == (Cause.TEMPLATE, 500)
    assert "from token 600 on" in loss.detail


def test_a_reply_that_came_back_as_other_tokens() -> None:
    assert found(turn(ideal_tokens=1040, held_tokens=1040), 1040) == [(Cause.REPLY, 60)]
    assert found(turn(held_tokens=1040), 1040) == [(Cause.REPLY, 60)]
    reasoned = turn(ideal_tokens=1002, held_tokens=1002, ideal_reasoned=True)
    assert found(reasoned, 1002) == [(Cause.TEMPLATE, 98)]


def test_a_cache_that_is_off_explains_all_of_it() -> None:
    assert found(turn(), 0, CacheShape(enabled=False)) == [(Cause.DISABLED, 1100)]


def test_an_unknown_engine_that_was_busy_with_others() -> None:
    busy = turn(held_tokens=None, others_since=True, others_shared=3)
    assert found(busy, 3, CacheShape()) == [(Cause.EVICTED, 1097)]
    assert found(turn(held_tokens=None), 3, CacheShape()) == [(Cause.UNKNOWN, 1097)]


def test_an_estimate_says_nothing_of_small_differences() -> None:
    assert found(turn(estimated=True, held_tokens=None), 1030, CacheShape()) == []


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_says_what_to_do(cause: Cause) -> None:
    assert ADVICE[cause].words
    assert ADVICE[cause].remedy
