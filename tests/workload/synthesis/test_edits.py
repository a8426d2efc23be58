"""An agent that edits: what it is shown, and what it repeats."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from autotune.errors import UserError
from autotune.workload.depth import session_depths
from autotune.workload.synthesis.edits import LINE_CHARS, code, edit_session, edit_sessions
from autotune.workload.synthesize import SynthesisSpec, Work, synthesize


def test_lines_are_as_long_as_is_reckoned_with() -> None:
    lines = code(random.Random(1), 5_000)
    assert abs(sum(len(line) + 1 for line in lines) / len(lines) - LINE_CHARS) < 0.5


def test_four_words_of_a_line_are_rarely_in_another() -> None:
    """Else drafts from the prompt would hit by chance, and no file is like that."""
    lines = code(random.Random(2), 200)
    words = ["".join(c if c.isalnum() else " " for c in line).split() for line in lines]
    fours = Counter(tuple(line[i : i + 4]) for line in words for i in range(len(line) - 3))
    assert sum(n for n in fours.values() if n > 1) / fours.total() < 0.01


def test_prompts_grow_and_keep_what_was_before() -> None:
    session = edit_session(3, turns=4, system_lines=10, turn_lines=5, reply_tokens=24)
    for before, after in pairwise(session.turns):
        assert after.messages[: len(before.messages)] == before.messages
        assert len(after.messages) == len(before.messages) + 2
        shown, reply = after.messages[-3], after.messages[-2]
        assert before.response == reply
        assert str(reply["content"]) in str(shown["content"])
    assert [t.output_tokens for t in session.turns] == [24] * 4


@pytest.mark.parametrize(
    ("start", "depth", "turns"), [(1_200, 1_800, 5), (8_000, 20_000, 12), (700, 900, 2)]
)
def test_depths_are_those_asked_for(start: int, depth: int, turns: int) -> None:
    made = edit_sessions(sessions=2, turns=turns, start_depth=start, depth=depth, reply_tokens=48)
    for session in made:
        depths = [d.tokens for d in session_depths(session)]
        assert len(depths) == turns
        assert abs(depths[0] - start) < 0.06 * start
        assert abs(depths[-1] - depth) < 0.06 * depth


def test_sessions_differ_from_each_other_and_by_seed() -> None:
    spec = SynthesisSpec(
        sessions=2, turns=3, start_depth=900, depth=1_500, reply_tokens=24, work=Work.EDITS
    )
    one, two = synthesize(spec)
    assert one.turns[0].messages[0] != two.turns[0].messages[0]
    other = synthesize(
        SynthesisSpec(
            sessions=2, turns=3, start_depth=900, depth=1_500, reply_tokens=24, seed=1,
            work=Work.EDITS,
        )
    )  # fmt: skip
    assert other[0].turns[0].messages[0] != one.turns[0].messages[0]
    assert synthesize(spec) == [one, two]


def test_an_editing_agent_begins_with_less_than_one_with_tools() -> None:
    spec = SynthesisSpec(turns=2, start_depth=200, depth=400, reply_tokens=24, work=Work.EDITS)
    assert synthesize(spec)
    with pytest.raises(UserError, match="cannot hold what the agent needs"):
        synthesize(SynthesisSpec(start_depth=199, work=Work.EDITS))
    with pytest.raises(UserError, match="cannot hold what the agent needs"):
        synthesize(SynthesisSpec(start_depth=699))


def test_sub_agents_are_refused() -> None:
    spec = SynthesisSpec(subagents=1, work=Work.EDITS)
    with pytest.raises(UserError, match="no sub-agents"):
        synthesize(spec)
