"""Filler in prompts: where it stands, what stays shared, and that it is the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import as_exact, say, tokens_of, transcript

from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Message, PromptFidelity, Recorded, Session
from autotune.workload.padding import (
    HEAD,
    Pad,
    SessionPads,
    agent_of,
    apply_pads,
    begins_midway,
    can_be_padded,
    mark_hidden_edits,
    pad_sessions,
    place_for,
)
from autotune.workload.prefix import common_prefix, shared_objects
from autotune.workload.writer import write_capture


def pads(*rows: Pad, agent: str = "fmt m", rate: float = 1.0) -> SessionPads:
    return SessionPads(agent, rows, rate)


def texts(session: Session, turn: int) -> list[list[str]]:
    return [str(m["content"]).split() for m in session.turns[turn].messages]


def test_a_head_becomes_the_system_message_of_a_prompt_without_one() -> None:
    bare = transcript("a", [100, 200])
    padded = apply_pads(bare, pads(Pad(0, HEAD, 7)))
    assert [t.messages[0]["role"] for t in padded.turns] == ["system", "system"]
    assert len(texts(padded, 0)[0]) == 7
    assert padded.turns[1].messages[0] is padded.turns[0].messages[0]
    assert padded.turns[1].messages[1:] == bare.turns[1].messages
    assert [t.keep for t in padded.turns] == [0, 2]


def test_a_head_stands_at_the_end_of_the_system_message_that_is_there() -> None:
    bare = transcript("a", [100], system=3)
    padded = apply_pads(bare, pads(Pad(0, HEAD, 7)))
    first = texts(padded, 0)[0]
    assert first[:3] == ["rules"] * 3
    assert len(first) == 10
    assert len(padded.turns[0].messages) == len(bare.turns[0].messages)


def test_filler_stands_in_front_of_a_message_and_stays_there() -> None:
    bare = transcript("a", [100, 200, 300])
    padded = apply_pads(bare, pads(Pad(1, 2, 4)))
    assert padded.turns[0].messages == bare.turns[0].messages
    assert texts(padded, 1)[2][4:] == ["seen"] * 20
    assert padded.turns[2].messages[2] is padded.turns[1].messages[2]
    assert padded.turns[2].messages[4] is bare.turns[2].messages[4]
    assert [t.fidelity.prompt for t in padded.turns] == ["rebuilt", "padded", "padded"]
    assert [t.fidelity.pad_tokens for t in padded.turns] == [0, 4, 4]
    assert padded.turns[1].fidelity.missing == ("system", "tools")


@pytest.mark.parametrize(("content", "tail"), [("text", "\n\ntext"), (None, ""), ("", "")])
def test_filler_takes_the_place_of_no_content(content: str | None, tail: str) -> None:
    bare = transcript("a", [100])
    message: Message = {"role": "user", "content": content, "name": "x"}
    bare = replace(bare, turns=(replace(bare.turns[0], messages=(message,)),))
    found = apply_pads(bare, pads(Pad(0, 0, 2))).turns[0].messages[0]
    text = str(found["content"])
    assert text.endswith(tail)
    assert len(text.removesuffix(tail).split()) == 2
    assert found["name"] == "x"


def test_a_list_of_parts_gets_one_more() -> None:
    parts = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "x"}}]
    bare = transcript("a", [100])
    system = {"role": "developer", "content": [{"type": "text", "text": "rules"}]}
    messages: tuple[Message, ...] = (system, {"role": "user", "content": parts})
    bare = replace(bare, turns=(replace(bare.turns[0], messages=messages),))
    first, second = apply_pads(bare, pads(Pad(0, HEAD, 2), Pad(0, 1, 3))).turns[0].messages
    assert [p["type"] for p in first["content"]] == ["text", "text"]
    assert first["content"][1]["text"].startswith("\n\n")
    assert [p["type"] for p in second["content"]] == ["text", "text", "image_url"]
    assert second["content"][1:] == parts


def test_filler_goes_with_its_message_and_can_be_taken_away() -> None:
    bare = transcript("a", [100, 200, 300, 50], boundaries={3: Boundary.COMPACTION})
    padded = apply_pads(bare, pads(Pad(0, HEAD, 9), Pad(1, 2, 4), Pad(2, 2, 0), Pad(3, HEAD, 5)))
    assert [t.fidelity.pad_tokens for t in padded.turns] == [9, 13, 9, 5]
    assert padded.turns[2].messages[3] == bare.turns[2].messages[2]
    long, short = padded.turns[2].messages[0], padded.turns[3].messages[0]
    assert str(long["content"]).startswith(str(short["content"]))
    assert padded.turns[3].keep == 0


def test_sessions_of_one_agent_share_the_words_of_the_agent_and_no_others() -> None:
    one = apply_pads(transcript("a", [100]), pads(Pad(0, HEAD, 40, 30)))
    two = apply_pads(transcript("b", [100]), pads(Pad(0, HEAD, 50, 30)))
    other = apply_pads(transcript("a", [100]), pads(Pad(0, HEAD, 40, 30), agent="another"))
    left, right = texts(one, 0)[0], texts(two, 0)[0]
    assert left[:30] == right[:30]
    assert left[30:] != right[30:40]
    assert left[:30] != texts(other, 0)[0][:30]


def test_pads_come_back_from_plain_data() -> None:
    found = pads(Pad(0, HEAD, 40, 30), Pad(3, 7, 2), rate=1.25)
    assert SessionPads.from_json(found.to_json()) == found
    assert found.to_json()["pads"] == [[0, -1, 40, 30], [3, 7, 2, 0]]


def test_tokens_are_words_times_what_a_word_costs() -> None:
    padded = apply_pads(transcript("a", [100]), pads(Pad(0, HEAD, 40), rate=1.5))
    assert padded.turns[0].fidelity.pad_tokens == 60


def test_only_rebuilt_prompts_with_a_record_are_padded() -> None:
    bare = transcript("a", [100, None])
    assert can_be_padded(bare)
    assert not can_be_padded(as_exact(bare))
    assert not can_be_padded(transcript("b", [None, None]))
    assert pad_sessions([bare, as_exact(bare)], {})[0] is bare


def test_an_agent_is_a_format_and_a_model() -> None:
    bare = transcript("a", [100], model="opus")
    assert agent_of(bare) == "fmt opus"
    silent = replace(bare.turns[0], recorded=Recorded(), origin={})
    assert agent_of(replace(bare, turns=(silent,))) == ""


@pytest.mark.parametrize(
    ("boundary", "missing", "expected"),
    [
        (None, ("system",), False),
        (Boundary.RESUME, ("system",), True),
        (Boundary.FORK, (), True),
        (Boundary.SUBAGENT, (), False),
        (None, ("history",), True),
    ],
)
def test_a_session_may_begin_midway(
    boundary: Boundary | None, missing: tuple[str, ...], expected: bool
) -> None:
    bounds = {0: boundary} if boundary else {}
    session = transcript("a", [9000], boundaries=bounds, missing=missing)
    assert begins_midway(session) is expected


def test_a_fall_of_the_record_without_one_of_the_text_is_an_edit() -> None:
    marked = mark_hidden_edits(transcript("a", [1000, 1200, 1195, 800, 900]))
    assert [t.boundary for t in marked.turns] == [None, None, None, Boundary.EDIT, None]


def test_a_fall_that_the_text_explains_is_as_the_reader_says() -> None:
    cut = {2: Boundary.COMPACTION}
    marked = mark_hidden_edits(transcript("a", [1000, 1200, 300], boundaries=cut))
    assert [t.boundary for t in marked.turns] == [None, None, Boundary.COMPACTION]
    shorter = transcript("a", [1000, 1200])
    last = replace(shorter.turns[1], messages=(say("user", 3),), recorded=Recorded(500))
    marked = mark_hidden_edits(replace(shorter, turns=(shorter.turns[0], last)))
    assert marked.turns[1].boundary is None


def test_filler_never_stands_in_a_reply_or_the_leading_system_message() -> None:
    odd: Message = {"role": "tool", "content": {"not": "text"}}
    messages = (say("system", 3), say("assistant", 3), odd, say("tool", 3))
    assert place_for(messages, 0) == 3
    assert place_for(messages[:3], 0) is None
    assert place_for((say("user", 1), say("system", 1)), 1) == 1


def test_a_padded_session_is_a_capture_like_any_other(tmp_path: Path) -> None:
    bare = transcript("a", [100, 200, 300], system=3)
    padded = apply_pads(bare, pads(Pad(0, HEAD, 40, 30), Pad(2, 5, 3)))
    write_capture([padded], tmp_path / "c.jsonl")
    (back,) = load_workload(tmp_path / "c.jsonl").sessions
    assert [t.messages for t in back.turns] == [t.messages for t in padded.turns]
    assert [t.fidelity for t in back.turns] == [t.fidelity for t in padded.turns]
    assert not can_be_padded(replace(back, turns=back.turns[:1]))


rows = st.lists(
    st.builds(
        Pad,
        turn=st.integers(0, 5),
        place=st.integers(-1, 12),
        words=st.integers(1, 30),
        shared=st.integers(0, 30),
    ),
    max_size=6,
)


@given(rows, st.integers(0, 3))
def test_prompts_share_what_they_shared_and_tokens_add_up(found: list[Pad], system: int) -> None:
    bare = transcript("a", [100] * 6, system=system)
    kept = {p.place: p for p in found if _fits(bare, p)}
    made = pads(*sorted(kept.values(), key=lambda p: p.turn))
    padded = apply_pads(bare, made)
    assert padded == apply_pads(bare, made)
    for before, after in zip(range(5), range(1, 6), strict=True):
        old = common_prefix(bare.turns[before].messages, bare.turns[after].messages)
        new = shared_objects(padded.turns[before].messages, padded.turns[after].messages)
        assert new >= old
    for turn, one in zip(bare.turns, padded.turns, strict=True):
        extra = 2 if len(one.messages) > len(turn.messages) else 0
        assert tokens_of(one.messages) == (
            tokens_of(turn.messages) + one.fidelity.pad_tokens + extra
        )
        assert (one.fidelity.prompt is PromptFidelity.PADDED) is bool(one.fidelity.pad_tokens)


def _fits(bare: Session, pad: Pad) -> bool:
    """Whether the planner might place it: new at its turn, not a reply, not the system message."""
    messages = bare.turns[pad.turn].messages
    if pad.place == HEAD:
        return pad.turn == 0
    before = bare.turns[pad.turn - 1].messages if pad.turn else ()
    return len(before) <= pad.place < len(messages) and place_for(messages, pad.place) == pad.place
