from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.workload.depth import session_depths
from autotune.workload.load import workload_of
from autotune.workload.model import Boundary, PromptFidelity, Recorded, Session
from autotune.workload.synthesize import (
    MIN_START_DEPTH,
    SynthesisSpec,
    iter_synthesized,
    synthesize,
)

SMALL = SynthesisSpec(
    sessions=3, turns=8, start_depth=1_300, depth=2_400, reply_tokens=24, subagents=2
)


def digest(spec: SynthesisSpec) -> str:
    return workload_of(synthesize(spec)).digest


def test_a_seed_is_a_workload() -> None:
    assert synthesize(SMALL) == synthesize(SMALL)
    assert digest(SMALL) == digest(SMALL)
    assert digest(SMALL) != digest(SynthesisSpec(**{**fields(SMALL), "seed": 1}))


def test_these_very_sessions_are_stable() -> None:
    """A change of the text changes what committed studies were measured on: say so aloud."""
    assert digest(SynthesisSpec(sessions=1, turns=3, depth=3_000)) == EXPECTED_DIGEST


EXPECTED_DIGEST = "sha256:af46e97980d2bbcb76e84614683d71503b72237cafe168c06e84e935d6d4d88a"


def fields(spec: SynthesisSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in SynthesisSpec.__slots__}


def test_the_shape_that_was_asked() -> None:
    made = synthesize(SMALL)
    parents = [session for session in made if session.parent is None]
    helpers = [session for session in made if session.parent is not None]
    assert [len(session.turns) for session in parents] == [8, 8, 8]
    assert [session.parent for session in helpers] == [s.session_id for s in parents[:2]]
    for session in parents:
        depths = [depth.tokens for depth in session_depths(session)]
        assert abs(depths[0] - 1_300) < 40
        assert abs(depths[-1] - 2_400) < 40
        assert all(a < b for a, b in pairwise(depths))


@settings(max_examples=12, deadline=None)
@given(
    st.builds(
        SynthesisSpec,
        sessions=st.integers(1, 2),
        turns=st.integers(2, 12),
        start_depth=st.integers(MIN_START_DEPTH, 3_000),
        depth=st.integers(7_000, 20_000),
        reply_tokens=st.integers(16, 200),
        subagents=st.integers(0, 3),
        seed=st.integers(0, 2**40),
    )
)
def test_depths_hold_for_any_spec(spec: SynthesisSpec) -> None:
    made = synthesize(spec)
    assert len(made) == spec.sessions + spec.subagents
    for session in made:
        check_session(session)
        if session.parent is None:
            last = session_depths(session)[-1].tokens
            assert abs(last - spec.depth) <= 60


def check_session(session: Session) -> None:
    """What any agent session keeps to."""
    for before, after in pairwise(session.turns):
        assert after.keep == len(before.messages)
        assert after.messages[: after.keep] == before.messages
        assert after.messages[after.keep] is before.response
        check_calls(after.messages[after.keep :])
        assert after.timestamp_ms is not None
        assert before.timestamp_ms is not None
        assert after.delay_ms is not None
        assert after.timestamp_ms > before.timestamp_ms + after.delay_ms
    for turn in session.turns:
        assert turn.fidelity.prompt is PromptFidelity.SYNTHETIC
        assert turn.recorded == Recorded()
        assert (turn.output_tokens or 0) >= 16


def check_calls(messages: tuple[Any, ...]) -> None:
    """Every tool call is answered at once, in order, and its arguments are JSON text."""
    reply, *answers = messages
    calls = reply.get("tool_calls", [])
    if not calls:
        assert [message["role"] for message in answers] == ["user"]
        return
    assert [message["tool_call_id"] for message in answers] == [call["id"] for call in calls]
    for call in calls:
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def test_sessions_share_tools_and_system_prompt() -> None:
    made = synthesize(SMALL)
    assert len({id(session.turns[0].tools) for session in made}) == 1
    assert len({id(session.turns[0].messages[0]) for session in made}) == 1
    names = {call["function"]["name"] for s in made for call in calls_of(s)}
    known = {tool["function"]["name"] for tool in made[0].turns[0].tools}
    assert names <= known


def calls_of(session: Session) -> list[Any]:
    last = session.turns[-1].messages
    return [call for message in last for call in message.get("tool_calls", [])]


def test_a_sub_agent_runs_while_its_parent_waits() -> None:
    made = {session.session_id: session for session in synthesize(SMALL)}
    helpers = [session for session in made.values() if session.parent]
    for helper in helpers:
        first, last = helper.turns[0], helper.turns[-1]
        assert first.boundary is Boundary.SUBAGENT
        turns = made[helper.parent or ""].turns
        task = first.messages[1]["content"]
        asking = [t for t in turns if t.response and task in json.dumps(t.response)]
        (turn,) = asking
        following = turns[turn.index + 1]
        assert (turn.timestamp_ms or 0) < (first.timestamp_ms or 0)
        assert (last.timestamp_ms or 0) < (following.timestamp_ms or 0)


def test_sessions_overlap_in_time() -> None:
    one, two, three = synthesize(SynthesisSpec(sessions=3, turns=20))
    for before, after in ((one, two), (two, three)):
        start, end = before.turns[0].timestamp_ms, before.turns[-1].timestamp_ms
        assert (start or 0.0) < (after.turns[0].timestamp_ms or 0.0) < (end or 0.0)


def test_replies_have_the_length_asked_for() -> None:
    made = synthesize(SynthesisSpec(sessions=10, turns=20, depth=60_000, reply_tokens=100))
    lengths = [turn.output_tokens for session in made for turn in session.turns]
    assert 85 < median(filter(None, lengths)) < 115
    for turn in made[0].turns:
        text = json.dumps(turn.response)
        assert len(text) / 4 < 3 * (turn.output_tokens or 0) + 100


def test_growth_is_uneven_as_in_life() -> None:
    made = synthesize(SynthesisSpec(sessions=10, turns=30, depth=100_000))
    steps = [b.tokens - a.tokens for s in made for a, b in pairwise(session_depths(s))]
    assert max(steps) > 5 * median(steps)


def test_text_comes_back_within_a_session() -> None:
    (session,) = synthesize(SynthesisSpec(sessions=1, turns=40, depth=80_000))
    lines = [
        line.strip()
        for message in session.turns[-1].messages
        if message["role"] == "tool"
        for line in message["content"].splitlines()
        if len(line) > 40
    ]
    repeated = len(lines) - len(set(lines))
    assert repeated / len(lines) > 0.1


def test_a_deep_workload_shares_its_messages() -> None:
    tracemalloc.start()
    try:
        made = synthesize(SynthesisSpec(sessions=1, turns=60, depth=150_000))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert session_depths(made[0])[-1].tokens > 149_000
    assert held < 5_000_000  # 600 kB of text, not the 20 MB that 60 whole prompts would be


def test_one_at_a_time() -> None:
    made = iter_synthesized(SMALL)
    assert next(made).session_id == "synthetic-0-001"


@pytest.mark.parametrize(
    ("depth", "first"), [(40_000, 8_000), (10_000, 5_000), (1_000, MIN_START_DEPTH)]
)
def test_the_first_prompt_follows_the_last(depth: int, first: int) -> None:
    assert SynthesisSpec(depth=depth).first_depth == first


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sessions": 0}, "sessions is 0"),
        ({"turns": 0}, "turns is 0"),
        ({"reply_tokens": 3}, "reply tokens is 3"),
        ({"subagents": -1}, "subagents is -1"),
        ({"start_depth": 100}, "first prompt of 100 tokens"),
        ({"turns": 1, "subagents": 1}, "cannot start a sub-agent"),
        ({"start_depth": 9_000, "depth": 9_000}, "no room"),
        ({"depth": 9_000, "turns": 50}, "no room"),
    ],
)
def test_numbers_that_do_not_go_together(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        synthesize(SynthesisSpec(**wrong))
    assert caught.value.hint


def test_one_turn_is_a_session() -> None:
    (session,) = synthesize(SynthesisSpec(sessions=1, turns=1))
    assert len(session.turns) == 1
