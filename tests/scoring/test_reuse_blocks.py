"""A pool of blocks on prompts of a few tokens."""

from __future__ import annotations

from autotune.scoring.reuse_blocks import BlockCache
from autotune.scoring.reuse_model import CacheShape, Cause, Holder
from autotune.scoring.reuse_tokens import Tokens


def pool(tokens: int | None) -> BlockCache:
    return BlockCache(CacheShape(holder=Holder.BLOCKS, pool_tokens=tokens))


def numbers(session: int, count: int) -> Tokens:
    return Tokens.of(range(session * 1000, session * 1000 + count))


def test_every_prompt_is_held_while_there_is_room() -> None:
    cache = pool(None)
    cache.take(("a", 0), numbers(1, 100), Tokens(), None)
    cache.take(("b", 0), numbers(2, 100), Tokens(), None)
    assert cache.take(("a", 1), numbers(1, 140), Tokens(), None) == 100


def test_what_was_used_longest_ago_makes_room() -> None:
    cache = pool(250)
    for session in (1, 2, 3):
        cache.take((f"s{session}", 0), numbers(session, 100), Tokens(), None)
    assert cache.displaced.why == {("s1", 0): (Cause.OVER_CAPACITY, "s3")}
    assert cache.take(("s1", 1), numbers(1, 100), Tokens(), None) == 0


def test_a_shared_start_takes_its_room_once() -> None:
    cache = pool(150)
    head = Tokens.of(range(50))
    cache.take(("a", 0), head + numbers(1, 50), Tokens(), None)
    cache.take(("b", 0), head + numbers(2, 50), Tokens(), None)
    assert not cache.displaced.why
