"""Recorded and replayed depth, and the reason where they differ."""

from __future__ import annotations

from dataclasses import replace

from transcripts import as_exact, tokens_of, transcript

from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History
from autotune.trial.side_by_side import (
    DEEPER,
    EXACT,
    GREW,
    LINES,
    NO_PLACE,
    NOT_COUNTED,
    UNRECORDED,
    DepthRow,
    depth_notes,
    expected_notes,
    side_by_side,
)
from autotune.trial.survey import Survey
from autotune.trial.true_depth import find_true_depth
from autotune.workload.model import Boundary, Session
from autotune.workload.padding import pad_sessions


def rows_of(*sessions: Session) -> list[DepthRow]:
    lengths = {(s.session_id, t.index): 5 for s in sessions for t in s.turns}
    found = find_true_depth(sessions, lengths, History.RECORDED, Rendering.NATIVE, tokens_of)
    survey = Survey(found.depths, Rendering.NATIVE, (), found.pads, found.scales)
    assert Survey.from_json(survey.to_json()) == survey
    return side_by_side(pad_sessions(sessions, found.pads), survey)


def test_a_padded_session_beside_its_record() -> None:
    (row,) = rows_of(transcript("a", [1000, 1129, 1258]))
    assert (row.recorded_tokens, row.wanted_tokens, row.replayed_tokens) == (1258, 1258, 1260)
    assert (row.pad_tokens, row.fidelity, row.turns) == (1168, "padded", 3)
    assert (row.off_turns, row.worst, row.reason) == (0, None, None)
    assert row.sentence() == (
        "session a: recorded 1,258 tokens, replayed 1,260 (scale 1), "
        "93% of it filler for system, tools"
    )


def test_an_exact_session_tells_its_scale() -> None:
    (row,) = rows_of(as_exact(transcript("a", [40, 76, 112])))
    assert (row.scale, row.pad_tokens, row.reason) == (0.803, 0, None)
    assert row.sentence() == "session a: recorded 112 tokens, replayed 90 (scale 0.803)"
    uneven = rows_of(as_exact(transcript("a", [40, 61, 200])))
    assert uneven[0].reason == EXACT
    assert uneven[0].off_turns == 2
    assert "off" not in uneven[0].sentence()


def test_text_that_is_deeper_than_the_record_is_said() -> None:
    (row,) = rows_of(transcript("a", [20, 61, 90, 119, 148]))
    assert (row.off_turns, row.worst, row.reason) == (1, 0.6, DEEPER)
    assert "1 of 5 turns are up to 60% off (the visible text alone is deeper)" in row.sentence()


def test_text_that_is_deeper_everywhere_is_a_matter_of_scale() -> None:
    (row,) = rows_of(transcript("a", [25, 48, 71, 94]))
    assert (row.scale, row.off_turns) == (1.266, 0)
    assert row.scale_why == "the deepest prompts show that much text"


def test_text_that_grows_faster_than_the_record_is_said() -> None:
    (row,) = rows_of(transcript("a", [100, 104, 108]))
    assert (row.off_turns, row.reason) == (2, GREW)


def test_a_prompt_that_holds_no_filler_is_said() -> None:
    session = transcript("a", [1000, 1100])
    again = replace(session.turns[0], index=1, keep=1, recorded=session.turns[1].recorded)
    (row,) = rows_of(replace(session, turns=(session.turns[0], again)))
    assert (row.off_turns, row.reason) == (1, NO_PLACE)


def test_a_session_that_begins_midway_is_flagged() -> None:
    session = transcript("a", [9000], boundaries={0: Boundary.RESUME}, missing=("history",))
    (row,) = rows_of(session)
    assert row.midway
    assert "it begins in the middle: its history is filler" in row.sentence()


def test_nothing_recorded_is_nothing_compared() -> None:
    (row,) = rows_of(transcript("a", [None, None]))
    assert (row.recorded_tokens, row.replayed_tokens, row.reason) == (None, 61, UNRECORDED)
    assert row.sentence() == "session a: no depth was recorded, replayed 61"


def test_a_cut_session_is_compared_as_far_as_it_goes() -> None:
    whole = transcript("a", [1000, 1129, 1258])
    lengths = {("a", at): 5 for at in range(3)}
    found = find_true_depth([whole], lengths, History.RECORDED, Rendering.NATIVE, tokens_of)
    survey = Survey(found.depths, Rendering.NATIVE, (), found.pads, found.scales)
    (padded,) = pad_sessions([whole], found.pads)
    (row,) = side_by_side([replace(padded, turns=padded.turns[:2])], survey)
    assert (row.turns, row.recorded_tokens, row.replayed_tokens) == (2, 1129, 1131)


def test_notes_tell_the_deepest_and_count_the_rest() -> None:
    many = [transcript(f"s{n}", [1000 + n]) for n in range(LINES + 2)]
    notes = depth_notes(rows_of(*many, transcript("silent", [None])))
    assert len(notes) == LINES + 2
    assert notes[0].startswith(f"session s{LINES + 1}: recorded 1,007")
    assert notes[-2] == "2 more sessions are in survey.json, recorded and replayed depth"
    assert notes[-1] == "1 session recorded no depth and is replayed as it is"
    assert depth_notes([]) == ()


def test_before_an_engine_has_counted_only_the_record_is_known() -> None:
    lacking = transcript("a", [1000, 2000], result=40)
    many = [transcript(f"s{n}", [500]) for n in range(LINES)]
    notes = expected_notes([lacking, as_exact(lacking), *many])
    assert notes[0] == NOT_COUNTED
    assert notes[1] == (
        "session a: recorded 2,000 tokens, about 111 of them visible; "
        "the rest will be filler for system, tools"
    )
    assert notes[-1] == "1 more session will be padded to its recorded depth"
    assert expected_notes([as_exact(lacking)]) == (NOT_COUNTED,)
