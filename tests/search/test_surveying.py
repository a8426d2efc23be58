"""A study over transcripts: replayed at true depth, resumed without a launch, cut by true depth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transcripts import transcript

from autotune.errors import UserError
from autotune.search.describe import describe
from autotune.search.events import Event, Prepared
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.study.folder import StudyFolder
from autotune.workload.model import Boundary
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
RECORDED = {"a": [2000, 2129, 2258], "b": [2400, 2440, 2600]}


@pytest.fixture
def request_for(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> Callable[..., RunRequest]:
    """One trial over two transcripts that show 90 of 2,600 tokens; tokens are words."""
    path = tmp_path / "wl.jsonl"
    write_capture([transcript(name, recorded) for name, recorded in RECORDED.items()], path)
    manifest = str(fake_engine_manifest(search_space=str(SPACE)))

    def make(**fields: Any) -> RunRequest:
        base = RunRequest(
            workload=path, engine=manifest, model=fake_model, gpu="cpu", trials=1,
            confirm_blocks=1, study="s", studies_dir=tmp_path / "studies",
        )  # fmt: skip
        return replace(base, **fields)

    return make


Make = Callable[..., RunRequest]


def run(request: RunRequest) -> Prepared:
    events: list[Event] = []
    run_study(request, events.append)
    return next(e for e in events if isinstance(e, Prepared))


def folder_of(request: RunRequest) -> StudyFolder:
    return StudyFolder(request.studies_dir / "s")


def survey_of(request: RunRequest) -> dict[str, Any]:
    stored = folder_of(request).read_survey()
    assert stored is not None
    return stored


@pytest.mark.parametrize("history", ["closed-loop", "recorded"])
@pytest.mark.parametrize("longest", [None, 2])
def test_every_turn_is_replayed_at_its_recorded_depth(
    request_for: Make, history: str, longest: int | None
) -> None:
    request = request_for(history=history, max_output_tokens=longest)
    prepared = run(request)
    assert prepared.deepest_tokens == pytest.approx(2600, rel=0.01)
    told = "\n".join(prepared.notes)
    assert "session b: recorded 2,600 tokens, replayed 2,6" in told
    assert "of it filler for system, tools" in told
    first = [r for r in folder_of(request).read_turns() if r.arm == "trial-0000"]
    assert {(r.session_id, r.turn) for r in first} == {(n, t) for n in RECORDED for t in range(3)}
    for record in first:
        assert record.depth_tokens == pytest.approx(
            RECORDED[record.session_id][record.turn], rel=0.02
        )
        # Both sessions are one agent's: the other one's head is the least that is found again.
        assert record.order == 0 or (record.cached_tokens or 0) >= 1968


def test_the_survey_keeps_depths_side_by_side(request_for: Make) -> None:
    request = request_for()
    run(request)
    rows = {row["session_id"]: row for row in survey_of(request)["side_by_side"]}
    assert rows["a"]["recorded_tokens"] == rows["a"]["wanted_tokens"] == 2258
    assert rows["a"]["replayed_tokens"] == pytest.approx(2258, rel=0.005)
    assert rows["b"]["missing"] == ["system", "tools"]
    assert rows["b"]["pad_tokens"] > 2400


def test_a_resumed_study_launches_no_survey_and_has_the_same_plan(request_for: Make) -> None:
    request = request_for()
    run(request)
    log = folder_of(request).logs / "survey.log"
    digest = folder_of(request).read_provenance()["plan_digest"]
    log.unlink()
    run(replace(request, trials=2))
    assert not log.exists()
    assert folder_of(request).read_provenance()["plan_digest"] == digest


def test_other_filler_is_another_replay_plan(request_for: Make) -> None:
    request = request_for()
    run(request)
    stored = survey_of(request)
    stored["pads"]["a"]["pads"][0][2] -= 1
    (folder_of(request).path / "survey.json").write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(UserError, match="replay plan"):
        run(request)


@pytest.mark.parametrize(
    "changed", [{"history": "recorded"}, {"max_output_tokens": 2}], ids=lambda c: next(iter(c))
)
def test_depths_of_another_history_are_asked_anew(
    request_for: Make, changed: dict[str, Any]
) -> None:
    request = request_for()
    run(request)
    with pytest.raises(UserError, match="replay plan"):
        run(replace(request, **changed))
    assert survey_of(request)["of"] | changed == survey_of(request)["of"]


def test_edits_seen_and_unseen_are_marked_and_scored_apart(
    request_for: Make, tmp_path: Path
) -> None:
    """Turn 2 falls from 2,200 to 2,100 recorded tokens with all its text; turn 4 is compacted."""
    path = tmp_path / "edits.jsonl"
    recorded = [2000, 2200, 2100, 2129, 2060, 2089]
    write_capture([transcript("a", recorded, boundaries={4: Boundary.COMPACTION})], path)
    request = request_for(workload=path)
    run(request)
    first = [r for r in folder_of(request).read_turns() if r.arm == "trial-0000"]
    assert [r.boundary for r in first] == [None, None, "edit", None, "compaction", None]
    assert [r.depth_tokens for r in first] == pytest.approx(recorded, rel=0.02)
    (trial,) = folder_of(request).read_trials()
    assert trial["metrics"]["boundary"]["turns"] == 2
    assert trial["metrics"]["turns_at_depth"] == 4


def test_turns_are_cut_by_their_true_depth(request_for: Make) -> None:
    prepared = run(request_for(max_depth=2200))
    assert prepared.workload_turns == 2  # 2000 and 2129 of a; all of b is deeper
    assert "4 turns of 2 sessions lie beyond --max-depth" in prepared.notes
    with pytest.raises(UserError, match="within 1900 prompt tokens, as the engine counts"):
        run(request_for(max_depth=1900, study="t"))


def test_a_scale_moves_what_is_within_reach(request_for: Make, tmp_path: Path) -> None:
    """Results of 360 words are recorded as 300 tokens, so 1,000 recorded are 1,200 here."""
    recorded = [1000 + 340 * at for at in range(12)]
    path = tmp_path / "scaled.jsonl"
    write_capture([transcript("a", recorded, completion=40, result=360)], path)
    prepared = run(request_for(workload=path, max_depth=3000, max_output_tokens=40))
    assert prepared.workload_turns == 5  # 1000, 1340, .. 2360 recorded; 2700 are 3240
    assert any("scale 1.2" in note for note in prepared.notes)


def test_a_dry_run_says_what_is_recorded_and_then_what_was_counted(request_for: Make) -> None:
    request = request_for()
    before = describe(request)
    assert any("recorded 2,600 tokens, about 1" in note for note in before.notes)
    assert before.config["deepest_tokens"] == 2600
    assert not folder_of(request).path.exists()
    run(request)
    after = describe(request)
    assert any("session b: recorded 2,600 tokens, replayed 2,6" in note for note in after.notes)
