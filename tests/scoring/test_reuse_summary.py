"""A whole trial explained: two sessions, one slot, figures worked out by hand."""

from __future__ import annotations

import pytest

from autotune.records import TurnRecord
from autotune.scoring.reuse_expected import expected_reuse
from autotune.scoring.reuse_model import CacheShape, Cause, Follows, Holder, SentPrompt
from autotune.scoring.reuse_summary import causes_in, explain, summarize
from autotune.scoring.reuse_tokens import Tokens

SHAPE = CacheShape(holder=Holder.SLOTS, slots=1, enabled=True)


def prompt(session: str, turn: int, begin: int, count: int) -> SentPrompt:
    return SentPrompt(
        session_id=session,
        turn=turn,
        tokens=Tokens.of(range(begin, begin + count)),
        follows=Follows.EXTENDS if turn else Follows.FIRST,
    )


def record(order: int, session: str, turn: int, depth: int, cached: int | None) -> TurnRecord:
    """1 ms a computed token."""
    return TurnRecord(
        arm="a", block=0, order=order, session_id=session, turn=turn, started_at=str(order),
        asked_output_tokens=4, depth_tokens=depth, cached_tokens=cached,
        ttft_s=(depth - (cached or 0)) * 1e-3, server_prefill_s=(depth - (cached or 0)) * 1e-3,
    )  # fmt: skip


PROMPTS = [
    prompt("a", 0, 0, 1000),
    prompt("b", 0, 50_000, 1000),
    prompt("a", 1, 0, 1500),
    prompt("a", 2, 0, 1600),
]
RECORDS = [
    record(0, "a", 0, 1000, 0),
    record(1, "b", 0, 1000, 0),
    record(2, "a", 1, 1500, 0),
    record(3, "a", 2, 1600, 1500),
]


def test_the_eviction_costs_what_its_tokens_cost() -> None:
    rows = explain(expected_reuse(PROMPTS, SHAPE), RECORDS, SHAPE)
    assert [len(row.losses) for row in rows] == [0, 0, 1, 0]
    (loss,) = rows[2].losses
    assert (loss.cause, loss.tokens) == (Cause.EVICTED, 1000)
    assert loss.seconds == pytest.approx(1.0, rel=1e-3)
    assert rows[2].cold_s == pytest.approx(1.5, rel=1e-3)
    told = summarize(rows, RECORDS)
    assert (told["sessions"], told["turns"], told["off_turns"]) == (2, 4, 0)
    assert (told["ideal_tokens"], told["reused_tokens"]) == (2500, 1500)
    assert told["lost_s"] == pytest.approx(1.0, rel=1e-3)
    assert causes_in(told) == {Cause.EVICTED: 1000}
    assert told["time"]["verdict"] is None


def test_an_engine_that_never_gives_a_token_back_has_its_cache_off() -> None:
    cold = [record(r.order, r.session_id, r.turn, r.depth_tokens or 0, 0) for r in RECORDS]
    rows = explain(expected_reuse(PROMPTS, CacheShape()), cold, CacheShape())
    assert causes_in(summarize(rows, cold)) == {Cause.DISABLED: 2500}


def test_an_engine_that_does_not_report_hits_loses_nothing_known() -> None:
    mute = [record(r.order, r.session_id, r.turn, r.depth_tokens or 0, None) for r in RECORDS]
    told = summarize(explain(expected_reuse(PROMPTS, SHAPE), mute, SHAPE), mute)
    assert (told["reused_tokens"], told["causes"]) == (None, [])


def test_prompts_that_the_engine_counted_otherwise_are_named() -> None:
    other = [record(r.order, r.session_id, r.turn, 2 * (r.depth_tokens or 0), 0) for r in RECORDS]
    assert summarize(explain(expected_reuse(PROMPTS, SHAPE), other, SHAPE), other)["off_turns"] == 4
