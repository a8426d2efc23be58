"""Sessions counted by an engine whose tokens are words, beside what was recorded."""

from __future__ import annotations

import pytest
from transcripts import as_exact, tokens_of, transcript

from autotune.errors import MachineError
from autotune.trial.counted_sessions import SessionCounter


def test_a_transcript_shows_less_than_a_run_replays() -> None:
    session = transcript("s", [100, 130, 160])
    counted = SessionCounter(tokens_of).counted(session)
    # The deepest prompt: a task of 30, two replies of 5, two results of 20, 2 for each message.
    assert counted.counted_tokens == 30 + 2 * 5 + 2 * 20 + 5 * 2
    assert counted.ratio == pytest.approx(90 / 160)
    assert counted.row.recorded_tokens == 160
    assert counted.row.replayed_tokens == pytest.approx(160, abs=2)
    assert counted.row.pad_tokens == pytest.approx(70, abs=5)


def test_exact_prompts_tell_their_scale() -> None:
    session = as_exact(transcript("s", [16, 29, 45]))
    counted = SessionCounter(tokens_of).counted(session)
    assert counted.counted_tokens == counted.row.replayed_tokens == 90
    assert counted.row.scale == 2.0
    assert counted.row.pad_tokens == 0


def test_nothing_recorded_has_no_ratio() -> None:
    counted = SessionCounter(tokens_of).counted(as_exact(transcript("s", [None, None])))
    assert counted.ratio is None
    assert counted.counted_tokens == 30 + 5 + 20 + 3 * 2


def test_why_prompts_are_rendered_is_told_once() -> None:
    def deaf_to_tools(messages: object, tools: object) -> int:
        kept = [m for m in messages if m.get("role") != "tool"]  # type: ignore[attr-defined]
        return tokens_of(kept)

    counter = SessionCounter(deaf_to_tools)
    for name in ("a", "b"):
        counter.counted(transcript(name, [100, 130]))
    (note,) = counter.notes
    assert note.startswith("session a: the chat template leaves out tool results")


def test_an_engine_that_cannot_count() -> None:
    with pytest.raises(MachineError, match="cannot count"):
        SessionCounter(lambda messages, tools: None).counted(transcript("s", [100, 130]))
