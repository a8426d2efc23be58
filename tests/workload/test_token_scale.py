"""What one recorded token is here, from prompts that are whole and from results that are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from transcripts import as_exact, transcript

from autotune.workload.model import Boundary, Session
from autotune.workload.token_scale import (
    LEAST_RESULT_TOKENS,
    ResultSample,
    Scale,
    at_least_visible,
    deep_turns,
    prompt_ratios,
    result_samples,
    scale_of_prompts,
    scale_of_results,
)


def growing(by: int, turns: int = 3, **fields: object) -> Session:
    """Recorded depths that grow by `by` a turn; replies of 5 words are recorded as 40 tokens."""
    recorded = [1000 + by * at for at in range(turns)]
    fields = {"completion": 40, "result": 400, **fields}
    return transcript("a", recorded, **fields)  # type: ignore[arg-type]


def test_a_result_is_growth_less_the_reply() -> None:
    first, second = result_samples(growing(540))
    assert first == second
    assert first.recorded_tokens == 500
    assert first.texts == (" ".join(["seen"] * 400),)


def test_a_result_too_short_tells_nothing() -> None:
    assert LEAST_RESULT_TOKENS == 300
    assert list(result_samples(growing(339))) == []
    assert len(list(result_samples(growing(340)))) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"missing": ("system", "tools", "attachments")},
        {"completion": 1, "reply": 500},
        {"boundaries": {1: Boundary.RESUME, 2: Boundary.COMPACTION}},
    ],
    ids=["hidden-text-in-results", "no-real-reply-length", "edits"],
)
def test_growth_that_is_not_wholly_seen_tells_nothing(fields: dict[str, object]) -> None:
    assert list(result_samples(growing(540, **fields))) == []


def test_lost_thinking_is_no_matter() -> None:
    lost = growing(540, missing=("system", "tools", "thinking"))
    assert len(list(result_samples(lost))) == 2


def test_unrecorded_turns_tell_nothing() -> None:
    session = transcript("a", [1000, None, 3000, 4000], result=400, completion=40)
    assert [s.recorded_tokens for s in result_samples(session)] == [960]
    bare = [replace(t, recorded=replace(t.recorded, completion_tokens=None)) for t in session.turns]
    assert list(result_samples(replace(session, turns=tuple(bare)))) == []


def test_in_protocols_of_plain_text_the_user_brings_results() -> None:
    session = growing(540)
    turns = tuple(
        replace(t, messages=tuple({**m, "role": _spoken(m["role"])} for m in t.messages))
        for t in session.turns
    )
    spoken = replace(session, turns=turns)
    assert len(list(result_samples(spoken))) == 2
    asked = replace(turns[1], messages=(*turns[1].messages, {"role": "user", "content": "well?"}))
    mixed = replace(session, turns=(session.turns[0], asked))
    assert list(result_samples(replace(mixed, turns=(*mixed.turns, session.turns[2])))) == []


def _spoken(role: str) -> str:
    return "user" if role == "tool" else role


def test_what_agrees_is_believed() -> None:
    ratios = [1.18, 1.19, 1.2, 1.2, 1.21, 1.21, 1.22, 3.0]
    scale = scale_of_results(ratios)
    assert (scale.value, scale.measured, scale.turns) == (1.205, 1.205, 8)
    assert scale.tokens(1000) == 1205
    assert scale.tokens(None) is None


@pytest.mark.parametrize(
    ("ratios", "measured", "why"),
    [
        ([], None, "nothing to measure it on"),
        ([1.2] * 7, None, "only 7 turns to measure it on"),
        ([0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2], 0.85, "the turns disagree"),
        ([0.3] * 9, 0.3, "what was measured is not plausible"),
        ([2.0] * 9, 2.0, "what was measured is not plausible"),
    ],
)
def test_what_does_not_is_told_and_not_used(
    ratios: list[float], measured: float | None, why: str
) -> None:
    assert scale_of_results(ratios) == Scale(1.0, measured, len(ratios), why)


def test_text_that_is_seen_was_sent() -> None:
    believed = Scale(1.1, 1.1, 9, "why")
    assert at_least_visible(believed, [0.3, 1.05]) is believed
    more = at_least_visible(believed, [0.9, 1.2, 1.3])
    assert (more.value, more.measured, more.turns) == (1.2, 1.1, 9)
    assert "show that much" in more.why
    assert at_least_visible(believed, [5.0]) is believed
    assert at_least_visible(believed, []) is believed


def test_deep_turns_are_the_deepest_and_two_near_it() -> None:
    session = transcript("a", [5, None, 100, 20, 30, 40, 50, 60, 70, 80])
    assert deep_turns(session) == (2, 9, 8)
    assert deep_turns(transcript("a", [7])) == (0,)
    assert deep_turns(transcript("a", [None])) == ()


def test_exact_prompts_tell_it_as_a_whole() -> None:
    session = as_exact(transcript("a", [100, 200, None]))
    assert list(prompt_ratios(session, [120, 250, 300])) == [1.2, 1.25]
    assert list(prompt_ratios(transcript("a", [100]), [120])) == []
    assert scale_of_prompts([1.2, 1.25, 1.0]).value == 1.2
    assert scale_of_prompts([]) == Scale()


def test_a_scale_is_plain_data() -> None:
    scale = Scale(1.2, 1.2, 9, "why")
    assert Scale(**scale.to_json()) == scale
    assert ResultSample(("a",), 3).texts == ("a",)
