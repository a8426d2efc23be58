"""Slots, and prompts in host memory, on prompts of a few tokens."""

from __future__ import annotations

from autotune.scoring.reuse_model import CacheShape, Cause, EngineNote, Holder
from autotune.scoring.reuse_slots import SlotCache
from autotune.scoring.reuse_tokens import Tokens


def numbers(session: int, count: int) -> Tokens:
    """`count` tokens that only this session has."""
    return Tokens.of(range(session * 1000, session * 1000 + count))


def cache(**fields: object) -> SlotCache:
    return SlotCache(CacheShape(holder=Holder.SLOTS, **fields))  # type: ignore[arg-type]


def take(
    slots: SlotCache, session: int, turn: int, count: int, note: EngineNote | None = None
) -> int:
    return slots.take((f"s{session}", turn), numbers(session, count), Tokens(), note)  # fmt: skip


def test_one_slot_loses_a_session_to_another() -> None:
    slots = cache(slots=1)
    assert take(slots, 1, 0, 100) == 0
    assert take(slots, 2, 0, 100) == 0
    assert slots.displaced.why == {("s1", 0): (Cause.EVICTED, "s2")}
    assert take(slots, 1, 1, 120) == 0


def test_two_slots_keep_two_sessions() -> None:
    slots = cache(slots=2)
    take(slots, 1, 0, 100)
    take(slots, 2, 0, 100)
    assert take(slots, 1, 1, 120) == 100
    assert take(slots, 2, 1, 130) == 100
    assert not slots.displaced.why


def test_a_slot_is_taken_by_a_session_that_begins_alike_while_another_is_free() -> None:
    slots = cache(slots=2)
    head = Tokens.of(range(50))
    slots.take(("a", 0), head + numbers(1, 50), Tokens(), None)
    assert slots.take(("b", 0), head + numbers(2, 50), Tokens(), None) == 50
    assert slots.displaced.why == {("a", 0): (Cause.BEGINS_ALIKE, "b")}


def test_above_what_they_share_the_free_slot_is_taken() -> None:
    slots = cache(slots=2, similarity=0.6)
    head = Tokens.of(range(50))
    slots.take(("a", 0), head + numbers(1, 50), Tokens(), None)
    assert slots.take(("b", 0), head + numbers(2, 50), Tokens(), None) == 0
    assert not slots.displaced.why


def test_host_memory_gives_a_displaced_prompt_back() -> None:
    slots = cache(slots=1, host_cache=True, saves_idle=True)
    take(slots, 1, 0, 100)
    take(slots, 2, 0, 100)
    assert take(slots, 1, 1, 120) == 100


def test_host_memory_that_is_too_small_is_no_room() -> None:
    slots = cache(slots=1, host_cache=True, host_tokens=150)
    take(slots, 1, 0, 100)
    take(slots, 2, 0, 100)
    take(slots, 3, 0, 100)
    assert slots.displaced.why == {("s1", 0): (Cause.OVER_CAPACITY, "s3")}
    assert take(slots, 1, 1, 120) == 0


def test_one_pool_clears_idle_slots_when_it_is_full() -> None:
    slots = cache(slots=4, unified=True, pool_tokens=150)
    take(slots, 1, 0, 100)
    take(slots, 2, 0, 100)
    assert slots.displaced.why == {("s1", 0): (Cause.OVER_CAPACITY, "s2")}


def test_the_engine_is_believed_about_the_slot() -> None:
    slots = cache(slots=2)
    note = EngineNote(prompt_tokens=100, cached_tokens=0, slot=1)
    take(slots, 1, 0, 100, note)
    take(slots, 2, 0, 100, note)
    assert ("s1", 0) in slots.displaced.why
