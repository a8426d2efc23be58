"""How much filler and where, with numbers worked out by hand. Tokens are words (fakes/transcripts):
a first prompt is a task of 30 words, a turn adds a reply of 5 and a result of 20, and every message
costs 2 more. So prompts are 32, 61, 90, 119, ... tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import say, tokens_of, transcript

from autotune.workload.model import Boundary, Session
from autotune.workload.pad_plan import (
    LEAST_TOKENS,
    Depths,
    FillerCost,
    head_tokens,
    pad_tokens,
    plan_pads,
    segment_starts,
    shared_head,
)
from autotune.workload.padding import HEAD, Pad, apply_pads, mark_hidden_edits
from autotune.workload.prefix import shared_objects

HEAD_COST = 2
"""A system message that was not there costs its own 2 tokens, which the plan does not know of."""


def depths_of(session: Session) -> Depths:
    bare = tuple(tokens_of(t.messages) for t in session.turns)
    return Depths(session, bare, tuple(t.recorded.prompt_tokens for t in session.turns))


def planned(session: Session, shared: int = 0) -> tuple[Pad, ...]:
    depths = depths_of(session)
    return plan_pads(depths, head_tokens(depths), shared, "agent").pads


def replayed(session: Session) -> list[int]:
    padded = apply_pads(
        session, plan_pads(depths_of(session), head_tokens(depths_of(session)), 0, "")
    )
    return [tokens_of(t.messages) for t in padded.turns]


def test_prompts_are_as_long_as_the_docstring_says() -> None:
    assert depths_of(transcript("a", [None] * 4)).bare == (32, 61, 90, 119)


def test_the_first_lack_is_the_head_and_growth_goes_before_the_result() -> None:
    session = transcript("a", [1000, 1029, 1158, 1187])
    assert planned(session, shared=600) == (Pad(0, HEAD, 968, 600), Pad(2, 4, 100))
    assert replayed(session) == [1002, 1031, 1160, 1189]


def test_small_lacks_wait_until_they_are_worth_a_word() -> None:
    session = transcript("a", [100, 133, 166, 199])  # 4 tokens more a turn than is seen
    assert LEAST_TOKENS == 8
    assert planned(session) == (Pad(0, HEAD, 68), Pad(3, 6, 12))


def test_a_share_of_the_depth_is_small_too() -> None:
    session = transcript("a", [50_000, 50_029 + 45, 50_058 + 60])
    assert planned(session) == (Pad(0, HEAD, 49_968), Pad(2, 4, 60))


def test_visible_text_that_is_deeper_gets_no_filler() -> None:
    session = transcript("a", [20, 40, 60, 80])
    assert planned(session) == ()
    assert replayed(session) == [32, 61, 90, 119]


def test_filler_of_a_shared_prefix_is_not_taken_back() -> None:
    session = transcript("a", [100, 110, 120, 300])
    assert planned(session) == (Pad(0, HEAD, 68), Pad(3, 6, 113))
    assert replayed(session) == [102, 131, 160, 302]  # turns 1 and 2 are deeper than recorded


def test_a_head_can_be_told_by_the_next_turn_of_its_segment() -> None:
    assert planned(transcript("a", [None, None, 190])) == (Pad(0, HEAD, 100),)
    cut = {1: Boundary.COMPACTION}
    session = transcript("a", [None, 112, 141], boundaries=cut)
    assert head_tokens(depths_of(session)) == 0
    assert planned(session) == (Pad(1, 0, 100),)


def test_a_compaction_keeps_the_head_and_begins_the_rest_anew() -> None:
    cut = {2: Boundary.COMPACTION}
    session = transcript("a", [1000, 1129, 1100, 1129], boundaries=cut)
    # 968 at the head, 100 lost in turn 1; the summary is 12 tokens, so 120 more stand before it.
    assert planned(session) == (Pad(0, HEAD, 968), Pad(1, 2, 100), Pad(2, 0, 120))
    assert replayed(session) == [1002, 1131, 1102, 1131]


def test_a_compaction_below_the_head_shortens_it() -> None:
    cut = {2: Boundary.COMPACTION}
    session = transcript("a", [1000, 1029, 512], boundaries=cut)
    assert planned(session) == (Pad(0, HEAD, 968), Pad(2, HEAD, 500))


def rewound(recorded: int) -> Session:
    """Three turns with filler in each, then back to after the first reply with another result."""
    session = transcript("a", [1000, 1129, 1258])
    first, second, third = session.turns
    messages = (*second.messages, say("assistant", 5), say("user", 50, "other"))
    fourth = replace(
        third, index=3, messages=messages, keep=3, boundary=Boundary.EDIT,
        recorded=replace(third.recorded, prompt_tokens=recorded),
    )  # fmt: skip
    return replace(session, turns=(first, second, third, fourth))


def test_a_rewind_keeps_the_filler_of_what_it_keeps() -> None:
    # 61 + 7 + 52 = 120 seen, 968 + 100 of filler kept: 1188 with nothing more.
    assert planned(rewound(1188)) == (Pad(0, HEAD, 968), Pad(1, 2, 100), Pad(2, 4, 100))
    assert planned(rewound(1238))[3:] == (Pad(3, 4, 50),)


def test_a_rewind_to_less_drops_filler_from_the_back() -> None:
    assert planned(rewound(1138))[3:] == (Pad(3, 2, 50),)
    assert planned(rewound(1000))[3:] == (Pad(3, HEAD, 880), Pad(3, 2, 0))


def test_an_edit_that_no_message_shows_takes_the_thinking_out() -> None:
    session = mark_hidden_edits(transcript("a", [1000, 1129, 1258, 1120]))
    assert session.turns[3].boundary is Boundary.EDIT
    # Turn 3 shows 119 and has a head of 968: 33 are left for the first result, 200 are gone.
    assert planned(session)[3:] == (Pad(3, 2, 0), Pad(3, 4, 0), Pad(3, 2, 33))
    padded = apply_pads(session, plan_pads(depths_of(session), 968, 0, ""))
    assert replayed(session) == [1002, 1131, 1260, 1122]
    before, after = padded.turns[2].messages, padded.turns[3].messages
    assert shared_objects(before, after) == 3  # system, task and the first reply


def test_the_prefix_breaks_there_even_when_no_filler_is_left() -> None:
    session = mark_hidden_edits(transcript("a", [1000, 1029, 1058, 900]))
    found = planned(session)
    assert found == (Pad(0, HEAD, 968), Pad(3, HEAD, 781), Pad(3, 2, 1))


def test_a_session_that_begins_midway_has_its_history_after_the_head() -> None:
    bounds = {0: Boundary.RESUME, 2: Boundary.COMPACTION}
    session = transcript("a", [9000, 9029, 512], boundaries=bounds, missing=("history",))
    # After the compaction 500 are missing: no more than that is system prompt and tools.
    assert head_tokens(depths_of(session)) == 500
    assert planned(session) == (Pad(0, HEAD, 500), Pad(0, 0, 8468))
    assert replayed(session) == [9002, 9031, 514]


def test_what_sessions_share_is_the_lower_median_of_their_heads() -> None:
    assert shared_head({}) == 0
    assert shared_head({"a": 5}) == 5
    assert shared_head({"a": 900, "b": 1000}) == 900
    assert shared_head({"a": 3, "b": 1000, "c": 1200}) == 1000
    assert shared_head({"a": 148_000, "b": 1000}, midway=["a"]) == 1000
    assert shared_head({"a": 148_000}, midway=["a"]) == 148_000


def test_words_and_joints_are_paid_for() -> None:
    cost = FillerCost(tokens_per_word=1.25, joint_tokens=2.0)
    assert cost.words(102) == 80
    assert cost.tokens(80) == 102
    assert (cost.words(1), cost.tokens(0)) == (0, 0)
    depths = depths_of(transcript("a", [134]))
    pads = plan_pads(depths, 102, 52, "agent", cost)
    assert pads.pads == (Pad(0, HEAD, 80, 40),)
    assert pad_tokens(depths, pads, cost) == (102,)


def test_segments_begin_at_edits_marked_or_seen() -> None:
    session = transcript("a", [None] * 4, boundaries={2: Boundary.COMPACTION})
    assert segment_starts(session) == (True, False, True, False)
    third = replace(session.turns[2], boundary=None)
    unmarked = replace(session, turns=(*session.turns[:2], third, session.turns[3]))
    assert segment_starts(unmarked) == (True, False, True, False)


lacks = st.lists(st.integers(0, 500), min_size=1, max_size=8)


@given(lacks, st.integers(0, 5), st.integers(0, 3))
def test_any_lack_is_made_up(hidden: list[int], system: int, shared: int) -> None:
    """Whatever was hidden in each turn, replayed depth is recorded depth, but for crumbs."""
    bare = depths_of(transcript("a", [None] * len(hidden), system=system)).bare
    sums = [sum(hidden[: at + 1]) for at in range(len(hidden))]
    recorded = [seen + lost for seen, lost in zip(bare, sums, strict=True)]
    session = transcript("a", recorded, system=system)
    depths = depths_of(session)
    pads = plan_pads(depths, head_tokens(depths), shared, "agent")
    held = pad_tokens(depths, pads, FillerCost())
    crumbs = [want - now for want, now in zip(sums, held, strict=True)]
    assert all(0 <= crumb <= LEAST_TOKENS for crumb in crumbs)
    padded = apply_pads(session, pads)
    extra = HEAD_COST if hidden[0] and not system else 0
    for turn, seen, pad in zip(padded.turns, bare, held, strict=True):
        assert tokens_of(turn.messages) == seen + pad + extra
    for at in range(1, len(hidden)):
        old, new = padded.turns[at - 1].messages, padded.turns[at].messages
        assert shared_objects(old, new) == len(old)


@pytest.mark.parametrize("recorded", [[5], [None], [40, None, 10, 900, 3]])
def test_odd_records_do_no_harm(recorded: list[int | None]) -> None:
    session = mark_hidden_edits(transcript("a", recorded))
    assert len(replayed(session)) == len(recorded)
