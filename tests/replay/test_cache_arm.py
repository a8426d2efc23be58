"""Cold is cold, warm is warm, silence is neither."""

from __future__ import annotations

from autotune.records import TurnRecord
from autotune.replay.cache_arm import cache_note, check_cache_arm


def turns(*cached: int | None, boundary: str | None = None) -> list[TurnRecord]:
    """A session's turns with these cached tokens."""
    return [
        TurnRecord(
            arm="x",
            block=0,
            order=at,
            session_id="a",
            turn=at,
            started_at="",
            asked_output_tokens=1,
            cached_tokens=tokens,
            boundary=boundary if at else None,
        )
        for at, tokens in enumerate(cached)
    ]


def test_a_cold_turn_that_reuses_is_a_failure() -> None:
    assert check_cache_arm(turns(0, 0, None), "off") is None
    assert check_cache_arm(turns(0, 3), "off") == (
        "session a turn 1 reused 3 tokens although the cache is off"
    )


def test_a_warm_arm_must_reuse_once() -> None:
    assert check_cache_arm(turns(0, 5, 0), "on") is None
    assert check_cache_arm(turns(0, 0, 0), "on") == (
        "the cache is on, yet none of 3 turns reused a single token"
    )


def test_where_nothing_could_be_reused_nothing_is_asked() -> None:
    assert check_cache_arm(turns(0), "on") is None
    assert check_cache_arm(turns(0, 0, boundary="compaction"), "on") is None


def test_an_engine_that_says_nothing_is_noted_not_failed() -> None:
    assert check_cache_arm(turns(None, None), "on") is None
    assert "does not report cached tokens" in str(cache_note(turns(None, None)))
    assert cache_note(turns(0, None)) is None
    assert cache_note([]) is None
