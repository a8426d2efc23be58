"""Salted hashes of blocks: lengths as recorded, prefixes as the text shares them, no text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from autotune.workload.formats.hashing import (
    ID_BITS,
    HashedPrompt,
    KnownText,
    SessionHasher,
    id_of,
    keyed,
    prompt_counts,
)
from autotune.workload.model import Message, Recorded, Session, Turn
from autotune.workload.traces.tree import common_ids

SIZE = 16


def turns(*prompts: tuple[list[Message], int | None], tools: tuple[Any, ...] = ()) -> list[Turn]:
    return [
        Turn("s", n, tuple(messages), tools=tools, recorded=Recorded(prompt_tokens=tokens))
        for n, (messages, tokens) in enumerate(prompts)
    ]


def hashed(made: list[Turn], known: KnownText | None = None) -> list[HashedPrompt]:
    hasher = SessionHasher(known or KnownText(b"salt"), SIZE)
    return [hasher.prompt(turn, turn.recorded.prompt_tokens) for turn in made]


def said(text: str, role: str = "user") -> Message:
    return {"role": role, "content": text}


A, B, C = said("a" * 500, "system"), said("b" * 700), said("c" * 300)


def test_lengths_are_the_recorded_ones() -> None:
    first, second = hashed(turns(([A], 100), ([A, B], 275)))
    assert (first.tokens, len(first.full), first.partial is None) == (100, 6, False)
    assert (second.tokens, len(second.full)) == (275, 17)
    assert second.full[:6] == first.full
    whole, *_ = hashed(turns(([A], 96)))
    assert whole.partial is None


def test_without_a_count_four_characters_are_a_token() -> None:
    (only,) = hashed(turns(([said("x" * 371)], None)))
    assert only.tokens == (371 + len('{"role":"user","content":""}\n')) // 4 == 100


def test_what_a_turn_keeps_is_hashed_as_it_was() -> None:
    made = turns(([A], 100), ([A, B], 300), ([A, C], 190))
    one, two, three = hashed(made)
    assert common_ids(two.full, one.full) == 6
    assert common_ids(three.full, two.full) == 6
    again = hashed([replace(made[2], index=0)], KnownText(b"salt"))[0]
    assert again.tokens == three.tokens


def test_sessions_share_what_their_texts_share() -> None:
    known = KnownText(b"salt")
    long = said("s" * 40_000, "system")
    one = hashed(turns(([long, B], 10_175)), known)[0]
    other = hashed(turns(([long, C], 9_900)), known)[0]
    longer = said("s" * 40_000 + "t" * 4000, "system")
    third = hashed(turns(([longer, C], 11_000)), known)[0]
    shared = common_ids(one.full, other.full) * SIZE
    assert 9_900 < shared < 10_040
    assert 9_600 < common_ids(one.full, third.full) * SIZE < shared


def test_fewer_recorded_tokens_than_were_known_is_a_contradiction() -> None:
    first, second = hashed(turns(([A], 1000), ([A, B], 900)))
    assert first.tokens == 1000
    assert second.tokens == 1000 + len('{"role":"user","content":""}\n' + "b" * 700) // 16


def test_tools_and_system_message_are_told_apart() -> None:
    tools = ({"type": "function", "function": {"name": "x" * 200}},)
    (only,) = hashed(turns(([A, B], 500), tools=tools))
    assert only.tool_tokens + only.system_tokens < 500
    assert 60 < only.tool_tokens < only.system_tokens
    (bare,) = hashed(turns(([B], 500)))
    assert (bare.tool_tokens, bare.system_tokens) == (0, 0)


def test_other_tools_are_another_prompt() -> None:
    made = turns(([A], 100), ([A], 110))
    changed = replace(made[1], tools=({"type": "function"},))
    one, two = hashed([made[0], changed])
    assert common_ids(one.full, two.full) == 0


def test_another_salt_is_another_id() -> None:
    made = turns(([A], 100))
    assert hashed(made)[0] == hashed(made)[0]
    other = hashed(made, KnownText(b"other"))[0]
    assert not set(other.full) & set(hashed(made)[0].full)
    assert max(hashed(made)[0].full) < 2**ID_BITS
    assert keyed(b"x" * 100, b"a", b"b") != keyed(b"x" * 100, b"ab", b"")
    assert id_of(b"\xff" * 16) == 2**ID_BITS - 1


def test_the_length_of_a_failed_call_is_that_of_its_retry() -> None:
    made = turns(([A], 100), ([A, B], None), ([A, B], 300), ([A, B, C], None))
    assert list(prompt_counts(Session("s", tuple(made)))) == [100, 300, 300, None]


@example([(0, 33, None), (1, 1, None)])  # half a token less than a block
@example([(0, 1000, 3), (1, 1, None)])  # too few tokens for the text
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4), st.integers(1, 3000), st.one_of(st.none(), st.integers(1, 4000))
        ),
        min_size=1,
        max_size=6,
    )
)
def test_ids_of_whole_blocks_are_shared_like_text(steps: list[tuple[int, int, int | None]]) -> None:
    """Each step keeps some of the messages before, adds one, and may have recorded its length."""
    messages: list[Message] = []
    made: list[Turn] = []
    for number, (kept, length, recorded) in enumerate(steps):
        messages = [*messages[:kept], said(f"{number}" * length)]
        made.append(Turn("s", number, tuple(messages), recorded=Recorded(prompt_tokens=recorded)))
    prompts = hashed(made)
    for turn, prompt in zip(made, prompts, strict=True):
        assert len(prompt.full) == prompt.tokens // SIZE
        alone = SessionHasher(KnownText(b"salt"), SIZE)
        fresh = alone.prompt(turn, prompt.tokens)
        assert fresh.tokens == prompt.tokens
    for (before, one), (after, two) in zip(
        list(zip(made, prompts, strict=True)),
        list(zip(made, prompts, strict=True))[1:],
        strict=False,
    ):
        same = before.messages == after.messages[: len(before.messages)]
        if same:
            assert two.full[: len(one.full)] == one.full or two.tokens < one.tokens
