"""What the dashboard says of trials and studies, from rows made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from report_data import PROVENANCE, trial

from autotune.dashboard.words import (
    cut,
    escaped,
    objective_name,
    outcome,
    rounded,
    study_attributes,
    study_note,
    trial_attributes,
    trial_note,
)


def test_a_measured_trial_has_its_figures_and_nothing_that_is_absent() -> None:
    row = trial(3, 1.5, changes={"threads": 4}, seconds={"load_s": 1.236, "replay_s": 9.0})
    assert trial_attributes(row, "winner") == {
        "outcome": "measured",
        "role": "winner",
        "differs from the default": "threads=4",
        "turn time (s)": 1.5,
        "TTFT p50 (s)": 0.75,
        "TTFT p95 (s)": 1.5,
        "decode p50 (tok/s)": 40.0,
        "cached share of prompts": 0.5,
        "total wait (s)": 60.0,
        "took (s)": 10.24,
    }


def test_a_trial_that_was_stopped_early_has_an_estimate_and_no_figures() -> None:
    row = trial(4, 1.23456789, state="stopped-early", seconds=None)
    assert trial_attributes(row, "") == {
        "outcome": "stopped early",
        "differs from the default": "the engine's defaults",
        "estimate (s)": 1.2346,
    }


def test_trial_0_is_a_trial_that_can_be_made_again() -> None:
    assert trial_attributes(trial(5, retry_of=0), "")["retry of trial"] == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (trial(1), "measured"),
        (trial(2, None, state="infeasible"), "failed"),
        (trial(3, None, state="refused"), "refused before launch"),
        (trial(4, None, state="duplicate", same_as=0), "repeat of trial 0"),
        (trial(5, None, state="interrupted"), "interrupted"),
        (trial(6, None, state="new in a later version"), "new in a later version"),
    ],
)
def test_outcomes(row: dict[str, Any], said: str) -> None:
    assert outcome(row) == said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"objective": "turn", "depth": "10-30k"}, "turn time (s), 10-30k tokens deep"),
        ({"objective": "ttft"}, "TTFT p50 (s)"),
        ({"objective": "decode", "depth": None}, "seconds a token"),
        ({"objective": "other"}, "other"),
        ({}, "objective"),
    ],
)
def test_the_objective_has_a_unit_and_a_depth(told: dict[str, Any], said: str) -> None:
    assert objective_name(told) == said


def test_attributes_are_one_line_of_80_characters() -> None:
    assert cut("x" * 80) == "x" * 80
    assert cut("x" * 81) == "x" * 79 + "…"
    assert cut("two\n  lines") == "two lines"
    assert cut("") is None
    assert cut(None) is None


def test_five_digits_count() -> None:
    assert [rounded(value) for value in (0.000123456, 12.34567, 123456.0, 0.0)] == [
        0.00012346, 12.346, 123460.0, 0.0,
    ]  # fmt: skip
    assert rounded(None) is None


def test_notes_have_the_whole_reason_and_no_markdown_of_it() -> None:
    row = trial(2, None, state="infeasible", failure="out-of-memory", reason="no *room* " * 20)
    head, why, changed = trial_note(row, "in use").split("\n\n")
    assert head == "**Failed, in use.**"
    assert why == "out-of-memory: " + " ".join([r"no \*room\*"] * 20)
    assert changed == "the engine's defaults"


def test_a_failure_without_a_reason_says_so() -> None:
    row = trial(2, None, state="infeasible", failure="crashed")
    assert "crashed: no reason was told" in trial_note(row, "")


def test_the_note_of_a_trial_stopped_early_says_what_its_estimate_is() -> None:
    note = trial_note(trial(4, 1.234, state="stopped-early", reason="too slow"), "")
    assert note.split("\n\n")[:2] == [
        "**Stopped early.** No score: by what was seen of it, 1.23 s.", "too slow"
    ]  # fmt: skip


def test_a_study_is_told_by_names_and_not_by_paths() -> None:
    told = {**PROVENANCE, "workload": "/data/captures/mine.jsonl"}
    assert study_attributes(told, {"summary": {"verdict": "It wins."}}, "finished") == {
        "state": "finished",
        "verdict": "It wins.",
        "engine": "llama-server b1",
        "model": "tiny.gguf",
        "GPU": "A Card",
        "objective": "turn time (s), 10-30k tokens deep, less is better",
        "workload": "mine.jsonl",
        "begun": "2026-11-01T10:00:00+00:00",
    }


def test_of_a_study_that_says_little_little_is_said() -> None:
    assert study_attributes({}, None, "unfinished") == {
        "state": "unfinished", "objective": "objective, less is better"
    }  # fmt: skip


def test_a_simulated_study_says_so_in_its_attributes_and_its_note() -> None:
    facts = study_attributes({"simulated": True}, None, "unfinished")
    assert facts["simulated"] == "nothing in it was measured"
    assert "Simulated: nothing in this study was measured." in study_note(facts, {})
    assert "Simulated" not in study_note({}, {})


def test_the_note_of_a_study_begins_with_its_verdict_and_what_to_open() -> None:
    note = study_note({"verdict": "A_b wins"}, {"the report": "/r", "the contest": "/c"})
    assert note.split("\n\n")[:2] == [
        r"**A\_b wins**", "Open [the report](/r), [the contest](/c)."
    ]  # fmt: skip
    assert study_note({}, {}).startswith("**No verdict yet.**\n\n**Complete**")


def test_text_reads_as_itself_on_one_line() -> None:
    assert escaped("a_b\n<i> [x]") == r"a\_b \<i\> \[x\]"
    assert escaped(12) == "12"
