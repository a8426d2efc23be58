"""Turns of a study, beside what it measured of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.export.verify.known_turns import MOST_TURNS, known_turns, pairs
from autotune.paths.turns import TurnsRequest, load
from autotune.records import TurnRecord
from autotune.study.folder import StudyFolder


def record(arm: str, turn: int, ttft_s: float, **changes: Any) -> TurnRecord:
    told: dict[str, Any] = {
        "arm": arm,
        "block": 0,
        "order": turn,
        "session_id": "s",
        "turn": turn,
        "started_at": "now",
        "asked_output_tokens": 7,
        "ttft_s": ttft_s,
        "wall_s": 2 * ttft_s,
    }
    return TurnRecord(**{**told, **changes})


def line(session: str, turn: int) -> str:
    messages: list[dict[str, str]] = [{"role": "user", "content": f"{session} begins"}]
    for at in range(turn):
        messages += [
            {"role": "assistant", "content": f"did {at}"},
            {"role": "user", "content": "go"},
        ]
    usage = {"prompt_tokens": 50 + turn, "completion_tokens": 4}
    reply = {"role": "assistant", "content": f"did {turn}"}
    answer = {"choices": [{"message": reply}], "usage": usage}
    return json.dumps({"request": {"model": "m", "messages": messages}, "response": answer})


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "captures.jsonl"
    path.write_text("\n".join(line(s, t) for s in ("one", "two") for t in range(6)) + "\n")
    return path


@pytest.fixture
def folder(tmp_path: Path, capture: Path) -> StudyFolder:
    made = StudyFolder(tmp_path / "study")
    workload = load(TurnsRequest(workload=capture))
    facts = {"workload": str(capture), "history": "recorded", "workload_digest": workload.digest}
    made.write_provenance(facts)
    second = workload.sessions[1].session_id
    log = made.turn_log()
    for arm, ttft_s in (("trial-0003", 0.5), ("confirm-0009-trial-0003", 0.7), ("trial-0001", 9.0)):
        log.append(record(arm, 0, ttft_s, session_id=second))
    log.append(record("trial-0003", 1, 5.0, session_id=second, mark="contaminated"))
    log.close()
    return made


def test_the_first_turns_of_a_session_that_was_measured(folder: StudyFolder) -> None:
    known = known_turns(folder, 3)
    assert known.plan is not None
    assert len(known.plan.turns) == MOST_TURNS
    assert [p.turn.index for p in known.plan.turns] == [0, 1, 2, 3]
    # The study asked for 7 tokens of the first turn, and said nothing of the others.
    assert [p.output_tokens for p in known.plan.turns] == [7, 4, 4, 4]
    session = known.plan.turns[0].turn.session_id
    assert {key: len(found) for key, found in known.measured.items()} == {(session, 0): 2}


def test_now_beside_the_median_of_then(folder: StudyFolder) -> None:
    known = known_turns(folder, 3)
    ((session, _),) = known.measured
    now = [record("verify", 0, 0.55, session_id=session), record("verify", 1, 0.1, failure="crash")]
    first, second = pairs(now, known.measured)
    assert (first.ttft_s, first.study_ttft_s, first.study_wall_s) == (0.55, 0.6, 1.2)
    assert (second.study_ttft_s, second.failure) == (None, "crash: None")


def test_a_trial_without_records_is_replayed_without_a_comparison(folder: StudyFolder) -> None:
    known = known_turns(folder, 8)
    assert known.plan is not None
    assert known.measured == {}


def test_captures_that_are_gone_or_changed_are_said(folder: StudyFolder, capture: Path) -> None:
    capture.write_text(f"{line('other', 0)}\n")
    changed = known_turns(folder, 3)
    assert changed.plan is None
    assert "the captures have changed" in changed.notes[0]
    capture.unlink()
    gone = known_turns(folder, 3)
    assert gone.plan is None
    assert "cannot be replayed" in gone.notes[0]
