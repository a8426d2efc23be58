"""Why a turn reused less than its session left: the difference cut up and each part named.

From the end of what was computed before down to what was reused::

    before ---- edits, the template ---- ideal ---- eviction, room ---- held ---- checkpoint, blocks ---- reused
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from autotune.scoring.reuse_model import (
    CacheShape,
    Cause,
    Expected,
    Follows,
    Holder,
    Loss,
)

ESTIMATE_SLACK = 64
ESTIMATE_SHARE = 0.05
"""Where prompts were not tokenized by the engine, a smaller difference than this says nothing."""

BLOCK_MAX = 2048
"""No engine keeps larger blocks: what a smaller difference at a round number is called, where the
block's size is not known."""


def losses_of(turn: Expected, reused: int | None, shape: CacheShape) -> tuple[Loss, ...]:
    """What was lost between what the session left and what was `reused`, by cause.

    Empty where the engine does not say what it reused. The last token of a prompt is computed by
    every engine and never a loss.
    """
    if reused is None:
        return ()
    found = list(_history(turn, reused))
    ideal = turn.ideal_tokens
    if reused < ideal - _slack(turn):
        if shape.enabled is False:
            found.append(Loss(Cause.DISABLED, reused, ideal))
        else:
            found += _engine(turn, reused, shape)
    return tuple(loss for loss in found if loss.tokens > 0)


def _slack(turn: Expected) -> int:
    if not turn.estimated:
        return 0
    return max(ESTIMATE_SLACK, round(ESTIMATE_SHARE * turn.counted_tokens))


def _history(turn: Expected, reused: int) -> Iterator[Loss]:
    """What no cache could have kept: the prompt does not begin as the one before it did."""
    begin = max(turn.ideal_tokens, reused)
    if begin >= turn.before_tokens - _slack(turn):
        return
    if turn.follows is Follows.EDITED:
        yield Loss(Cause.CONTEXT_EDIT, begin, turn.before_tokens, turn.edit or "")
    elif begin < turn.ideal_prompt_tokens:
        detail = f"the same messages are other tokens from token {begin:,} on"
        yield Loss(Cause.TEMPLATE, begin, turn.before_tokens, detail)
    else:
        yield _reply(turn, begin, turn.before_tokens)


def _reply(turn: Expected, begin: int, end: int) -> Loss:
    """Where a reply parts from what was generated: reasoning is what templates leave out."""
    if turn.ideal_reasoned:
        return Loss(Cause.TEMPLATE, begin, end, "the reasoning of the reply is left out")
    return Loss(Cause.REPLY, begin, end)


def _engine(turn: Expected, reused: int, shape: CacheShape) -> Iterator[Loss]:
    """What a cache could have kept, and this one did not."""
    ideal = turn.ideal_tokens
    held = ideal if turn.held_tokens is None else max(turn.held_tokens, reused)
    if held < ideal:
        yield _not_held(turn, held)
    if reused < held:
        yield _not_used(turn, reused, held, shape)


def _not_held(turn: Expected, held: int) -> Loss:
    """Between `held` and the ideal."""
    ideal = turn.ideal_tokens
    own = turn.ideal_from is not None and turn.ideal_from[0] == turn.session_id
    if own and turn.gone is None and held >= turn.ideal_prompt_tokens:
        return _reply(turn, held, ideal)
    if turn.gone is not None:
        cause, by = turn.gone
        return Loss(cause, held, ideal, f"by session {by}")
    note = turn.note
    if note is not None and note.other_shared is not None and note.other_shared > held:
        return Loss(Cause.SLOT_NOT_MATCHED, held, ideal, "another slot held more of it")
    return Loss(Cause.EVICTED if turn.others_since else Cause.UNKNOWN, held, ideal)


def _not_used(turn: Expected, reused: int, held: int, shape: CacheShape) -> Loss:
    """Between what was reused and what was `held`."""
    note = turn.note
    if note is not None and note.checkpoint_tokens is not None:
        at = note.checkpoint_tokens
        return Loss(Cause.CHECKPOINT, reused, held, f"back to the checkpoint at token {at:,}")
    if note is not None and note.restarted:
        return Loss(Cause.CHECKPOINT, reused, held, "no checkpoint was left, so all was read again")
    if _in_blocks(reused, held, shape):
        return Loss(Cause.BLOCKS, reused, held, f"{_block_words(shape)}")
    others = turn.others_shared + _slack(turn)
    if shape.holder is not Holder.SLOTS and turn.others_since and reused <= others:
        return Loss(Cause.EVICTED, reused, held)
    if reused >= turn.ideal_prompt_tokens - (shape.block_tokens or 0) > 0:
        return _reply(turn, reused, held)
    if shape.rolls_back is False:
        return Loss(Cause.CHECKPOINT, reused, held, "this model cannot go back to any token")
    return Loss(Cause.UNKNOWN, reused, held)


def _in_blocks(reused: int, held: int, shape: CacheShape) -> bool:
    """Whether `reused` is `held` in whole blocks."""
    if shape.block_tokens is not None:
        return reused % shape.block_tokens == 0 and held - reused <= shape.block_tokens
    if shape.holder is not Holder.UNKNOWN or reused == 0:
        return False
    block = reused & -reused  # the largest power of two that divides it
    return block >= 16 and held - reused <= min(block, BLOCK_MAX)


def _block_words(shape: CacheShape) -> str:
    return "" if shape.block_tokens is None else f"blocks of {shape.block_tokens}"
