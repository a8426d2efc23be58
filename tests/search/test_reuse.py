"""Which measurements are explained, and what a summary is told of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autotune.search.request import RunRequest
from autotune.search.reuse import explained, reuse_question, told_reuse
from autotune.search.session import run_study
from autotune.study.folder import StudyFolder
from autotune.study.reuse_log import ReuseLog
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


def test_the_confirmation_once_and_the_defaults_first_trial() -> None:
    assert explained("trial-0000", 0)
    assert explained("confirm-0012-default", 0)
    assert not explained("confirm-0012-default", 1)
    assert not explained("trial-0001", 0)
    assert not explained("heat-0012-trial-0003", 0)


def test_rows_go_to_the_study(tmp_path: Path) -> None:
    question = reuse_question(tmp_path)
    question.sink({"arm": "a"})
    assert list(ReuseLog(tmp_path).rows()) == [{"arm": "a"}]
    assert question.wanted is explained


def note(folder: Path, arm: str, lost_s: float) -> None:
    ReuseLog(folder).append({"arm": arm, "block": 0, "summary": {"lost_s": lost_s}})


def test_the_last_confirmation_is_told(tmp_path: Path) -> None:
    for arm, lost_s in (
        ("trial-0000", 9.0),
        ("confirm-0004-default", 8.0),
        ("confirm-0004-trial-0002", 7.0),
        ("confirm-0008-default", 6.0),
        ("confirm-0008-trial-0012", 5.0),
    ):
        note(tmp_path, arm, lost_s)
    told = told_reuse(tmp_path, default="default", tuned="trial-0012")
    assert told == {"default": {"lost_s": 6.0}, "tuned": {"lost_s": 5.0}}
    assert told_reuse(tmp_path, default="default", closest=None) == {"default": {"lost_s": 6.0}}


def test_without_a_confirmation_the_default_is_its_trial(tmp_path: Path) -> None:
    assert told_reuse(tmp_path, default="default", tuned="trial-0003") == {}
    note(tmp_path, "trial-0000", 9.0)
    assert told_reuse(tmp_path, default="default", tuned="trial-0003") == {
        "default": {"lost_s": 9.0}
    }


def test_a_run_says_it_of_the_default_and_of_what_stands_beside_it(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> None:
    captures = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), captures)
    manifest = fake_engine_manifest(
        prefill_us=50.0,
        token_us=1000.0,
        search_space=str(SPACE),
        tokens={"tokenize_path": "/tokenize"},
    )
    request = RunRequest(
        workload=captures, engine=str(manifest), model=fake_model, gpu="cpu", trials=6,
        confirm_blocks=2, max_output_tokens=3, study="s", studies_dir=tmp_path,
    )  # fmt: skip
    summary = run_study(request, lambda event: None)
    folder = StudyFolder(tmp_path / "s")
    assert set(summary.reuse) in ({"default", "tuned"}, {"default", "closest"})
    for told in summary.reuse.values():
        assert told["counted_by"] == "engine"
        assert told["reused_tokens"] > 0
    result = folder.read_result()
    assert result is not None
    assert result["summary"]["reuse"] == summary.reuse
    explained_arms = list(ReuseLog(folder.path).summaries())
    assert explained_arms[0] == "trial-0000"
    assert [arm.split("-")[0] for arm in explained_arms] == ["trial", "confirm", "confirm"]
    (trial, *_) = folder.read_trials()
    assert trial["extras"]["reuse"]["schema_version"] == "reuse/1"
