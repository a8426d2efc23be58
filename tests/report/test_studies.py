"""Tables of studies, trials and turns."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from autotune.records import TurnRecord
from autotune.report.studies import print_studies, print_study, print_turns, study_row
from autotune.report.wrong_question import NOT_ASKED
from autotune.scoring.ranks import Charted, judge_chart
from autotune.study.folder import StudyFolder


def shown(print_it: Callable[..., None], what: Any, width: int = 80) -> str:
    stream = io.StringIO()
    print_it(what, Console(file=stream, width=width, highlight=False))
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
    assert "stopped after 6 of 36 turns" in " ".join(text.split())
    assert "0.77" not in text
    assert "4 trials, 1 suggestion measured before" in text


def test_settings_are_never_broken_within_a_name() -> None:
    names = {f"spec-ngram-map-k4v-size-{letter}": 48 for letter in "mnop"}
    document = {"name": "demo", "result": None, "provenance": {},
                "trials": [trial(0), trial(1, value=1.5, changes=names)]}  # fmt: skip
    narrow, wide = shown(print_study, document), shown(print_study, document, 160)
    for text in (narrow, wide):
        assert all(f"{name}=48" in text for name in names)
        assert text.count("differs from the default") == 1
    assert "took  differs" in wide
    assert "#  differs" in narrow
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_trial_has_p95_waiting_and_kinds_and_the_usual_benchmark_is_told() -> None:
    kinds = [{"kind": "cold", "turns": 2, "ttft_p50_s": 4.0}, {"kind": "warm", "turns": 9}]
    metrics = {"turn_s": 1.5, "ttft_p50_s": 0.5, "ttft_p95_s": 4.2, "total_wait_s": 80.0}
    rows = (
        Charted(trial=0, tokens_per_s=20.0, value_s=1.5, is_default=True),
        Charted(trial=1, tokens_per_s=30.0, value_s=1.6, changes={"n": 1}),
    )
    chart = judge_chart(rows)
    assert chart is not None
    document = {
        "name": "demo",
        "result": {"summary": {"verdict": "Yes.", "usual_chart": asdict(chart)}},
        "provenance": {},
        "trials": [trial(0, value=1.5, metrics={**metrics, "kinds": kinds})],
    }
    text = shown(print_study, document)
    row = next(line.split() for line in text.splitlines() if line.startswith("0 "))
    assert row[:8] == ["0", "1.50", "0.500", "4.20", "1m", "20s", "–", "2/0/9"]
    assert "took\n" in text
    assert "would have picked trial 1 (n=1): 1.50x there" in " ".join(text.split())
    document["result"] = {"summary": {"verdict": "Yes."}}
    assert NOT_ASKED in " ".join(shown(print_study, document).split())


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
    assert row == ["default", "0", "s", "3", "1200", "–", "–", "–", "hang"]


def test_turns_say_what_kind_they_are() -> None:
    def turn(at: int, depth: int, cached: int) -> TurnRecord:
        return TurnRecord(
            arm="a", block=0, order=at, session_id="s", turn=at, started_at="",
            asked_output_tokens=4, depth_tokens=depth, cached_tokens=cached, output_tokens=4,
            ttft_s=0.5,
        )  # fmt: skip

    text = shown(print_turns, [turn(0, 9000, 0), turn(1, 9500, 9000), turn(2, 9900, 4000)])
    kinds = [line.split()[6] for line in text.splitlines()[-3:]]
    assert kinds == ["cold", "warm", "partial"]
