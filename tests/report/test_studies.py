"""Tables of studies, trials and turns."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from autotune.records import TurnRecord
from autotune.report.studies import print_studies, print_study, print_turns, study_row
from autotune.study.folder import StudyFolder


def shown(print_it: Callable[..., None], what: Any) -> str:
    stream = io.StringIO()
    print_it(what, Console(file=stream, width=80, highlight=False))
    return stream.getvalue()


def trial(number: int, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"state": "complete", "value": None, "changes": {}, "failure": None}
    rest: dict[str, Any] = {"reason": None, "seconds": {}, "metrics": {}}
    return {"number": number, **base, **rest, **more}


def test_a_row_has_the_gain_only_of_a_winner(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    folder.path.mkdir()
    (folder.path / "provenance.json").write_text(json.dumps({"engine": "e", "gpu": "cpu"}))
    lost = {"winner": None, "summary": {"speedup": 0.97, "verdict": "No."}}
    (folder.path / "result.json").write_text(json.dumps(lost))
    row = study_row(folder)
    assert (row["state"], row["speedup"], row["verdict"]) == ("finished", None, "No.")
    assert (row["trials"], row["failed"], row["gpu"]) == (0, 0, "cpu")
    cells = shown(print_studies, [row]).splitlines()[-1].split()
    assert cells == ["s", "finished", "0", "–", "e", "–", "–"]


def test_trials_show_why_they_failed_and_repeats_are_counted() -> None:
    document = {
        "name": "demo",
        "result": None,
        "provenance": {"engine": "e", "engine_version": "1"},
        "trials": [
            trial(0, value=1.5, metrics={"turn_s": 1.5}, seconds={"load_s": 2.0, "replay_s": 60.0}),
            trial(1, failure="crash", reason="it died", changes={"a": 1}, state="infeasible"),
            trial(2, state="running", changes={"a": 2}),
            trial(3, state="duplicate", value=1.5),
            trial(
                4,
                state="stopped-early",
                value=1.4,
                metrics={"turn_s": 0.77},
                reason="stopped after 6 of 36 turns",
            ),
        ],
    }
    text = shown(print_study, document)
    assert text.startswith("demo: unfinished\nengine    e 1\n")
    assert "1m 02s" in text
    assert "crash: it died" in text
    assert "running" in text
    # Its figures are over the first turns alone: beside the others they would mislead.
    assert "stopped after 6 of 36 turns" in text
    assert "0.77" not in text
    assert "4 trials, 1 suggestion measured before" in text


def test_a_failed_turn_shows_its_kind_and_absent_is_a_dash() -> None:
    record = TurnRecord(
        arm="default",
        block=0,
        order=0,
        session_id="s",
        turn=3,
        started_at="2026-11-01T10:00:00+00:00",
        asked_output_tokens=None,
        depth_tokens=1200,
        failure="hang",
    )
    row = shown(print_turns, [record]).splitlines()[-1].split()
    assert row == ["default", "0", "s", "3", "1200", "–", "–", "hang"]
