"""A study's folder as something to export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.export.formats import write_all
from autotune.export.from_study import (
    non_default,
    recommended_config,
    trial_config,
    winner_config,
)
from autotune.simulated.machines import provenance
from autotune.study.folder import StudyFolder

FULL: dict[str, Any] = {"batch-size": 512, "ubatch-size": 512, "poll": 7, "pinned": "yes"}

FACTS = {
    "engine": "llama-server",
    "engine_path": "/opt/llama-server",
    "engine_version": "b1",
    "model_path": "/m.gguf",
    "gpu": "cpu",
    "gpu_name": "A Processor",
    "created_at": "2026-11-01T10:00:00+00:00",
}

WINNER = {
    "trial": 4,
    "settings": {"batch-size": 512},
    "full_settings": FULL,
    "argv": ["/opt/llama-server", "--batch-size", "512", "--ubatch-size", "512"],
    "env": {},
    "quality_changing": ["cache-type-k"],
}


class Folder(StudyFolder):
    """A study whose trials are given instead of read from a database."""

    def read_trials(self) -> list[dict[str, Any]]:
        done = {"number": 0, "value": 1.5, "state": "complete", "failure": None, "settings": FULL}
        failed = {**done, "number": 1, "value": None, "state": "infeasible", "failure": "crash"}
        running = {**failed, "number": 2, "failure": None, "state": "running"}
        reason = "stopped after 6 of 36 turns"
        return [
            done, failed, running, {**done, "number": 3, "state": "stopped-early", "reason": reason}
        ]  # fmt: skip


def folder(tmp_path: Path, winner: dict[str, Any] | None = WINNER, **result: Any) -> Folder:
    made = Folder(tmp_path / "demo")
    made.path.mkdir(parents=True)
    summary = {"verdict": "Trial 4 wins.", "speedup": 1.3, "interval": [1.2, 1.4]}
    document = {"finished_at": "then", "winner": winner, "summary": summary, **result}
    (made.path / "provenance.json").write_text(json.dumps(FACTS))
    (made.path / "result.json").write_text(json.dumps(document))
    return made


def test_the_winner_with_its_provenance(tmp_path: Path) -> None:
    config = winner_config(folder(tmp_path))
    said = config.provenance
    assert (said.trial, said.speedup, said.interval) == (4, 1.3, (1.2, 1.4))
    assert (said.confirmed, said.date, said.gpu) == (True, "then", "A Processor")
    assert said.quality_changing == ("cache-type-k",)
    assert config.argv == tuple(WINNER["argv"])  # type: ignore[arg-type]


def test_a_pin_that_the_search_left_alone_is_exported(tmp_path: Path) -> None:
    settings = winner_config(folder(tmp_path)).settings
    assert "pinned" in settings
    assert "ubatch-size" not in settings


def test_only_what_the_space_knows_as_default_is_left_out(
    fake_engine_manifest: Callable[..., Path],
) -> None:
    full = {"batch-size": 2048, "ubatch-size": 64, "unheard-of": 1}
    described = (str(fake_engine_manifest(search_space="llama-server")), "reference")
    for engine in ("llama-server", *described):
        assert non_default(engine, full) == {"ubatch-size": 64, "unheard-of": 1}
    assert non_default("an engine of one's own", full) == full
    # 256 sequences are vLLM's default on most cards, and 1024 on large ones.
    by_card = {"max-num-seqs": 256, "gpu-memory-utilization": 0.92}
    assert non_default("vllm", by_card) == {"max-num-seqs": 256}


def test_no_winner_no_export(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found nothing that beats the default"):
        winner_config(folder(tmp_path, None))
    unfinished = StudyFolder(tmp_path / "other")
    with pytest.raises(UserError, match="has no result yet"):
        winner_config(unfinished)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("None of 3 trials could be measured.", "none of 3 trials could be measured"),
        (
            "The engine's defaults could not be measured, so nothing can be proved against them.",
            "the engine's defaults could not be measured, so nothing can be proved against them",
        ),
    ],
)
@pytest.mark.parametrize("export", [winner_config, recommended_config])
def test_where_nothing_could_be_measured_that_is_what_is_said(
    tmp_path: Path, export: Callable[[Folder], object], verdict: str, said: str
) -> None:
    made = folder(tmp_path, None)
    result = {"winner": None, "baseline": None, "summary": {"exit_code": 4, "verdict": verdict}}
    made.write_result(result)
    with pytest.raises(UserError) as caught:
        export(made)
    assert str(caught.value) == f"study demo has nothing to export: {said}"
    assert caught.value.hint == "see why with autotune study show demo"


def test_where_nothing_won_the_default_is_what_a_study_recommends(tmp_path: Path) -> None:
    base = {**WINNER, "trial": 0, "settings": {}, "argv": ["/opt/llama-server"]}
    config = recommended_config(folder(tmp_path, None, baseline=base))
    assert config.provenance.trial is None
    assert config.provenance.engine == "llama-server"
    assert config.full_settings == FULL
    assert config.argv == ("/opt/llama-server",)


def test_a_winner_is_what_its_study_recommends(tmp_path: Path) -> None:
    made = folder(tmp_path, baseline={"trial": 0})
    assert recommended_config(made) == winner_config(made)


def test_a_study_without_a_result_recommends_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no result yet"):
        recommended_config(StudyFolder(tmp_path / "other"))


@pytest.mark.parametrize(
    "export", [winner_config, recommended_config, lambda made: trial_config(made, 4)]
)
def test_what_was_simulated_is_never_exported(
    tmp_path: Path, export: Callable[[Folder], object]
) -> None:
    made = folder(tmp_path)
    (made.path / "provenance.json").write_text(json.dumps({**FACTS, **simulated_facts()}))
    with pytest.raises(UserError, match="demo is simulated: nothing in it was measured") as caught:
        export(made)
    assert "autotune run" in caught.value.hint


def simulated_facts() -> dict[str, Any]:
    return provenance("3090-qwen-27b", seed=0)


def test_the_winning_trial_by_number_is_the_winner(tmp_path: Path) -> None:
    made = folder(tmp_path)
    assert trial_config(made, 4) == winner_config(made)


def test_another_trial_is_spelt_by_its_launcher(tmp_path: Path) -> None:
    config = trial_config(folder(tmp_path), 0)
    assert config.provenance.confirmed is False
    assert config.full_settings == FULL
    assert config.argv[0] == "/opt/llama-server"
    at = config.argv.index("--batch-size")
    assert config.argv[at + 1] == "512"
    assert "/m.gguf" in config.argv


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (1, "has no score: crash"),
        (2, "has no score: running"),
        (9, "has no trial 9"),
        (3, "was stopped early: stopped after 6 of 36 turns"),
    ],
)
def test_a_trial_without_a_score_is_refused(tmp_path: Path, number: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        trial_config(folder(tmp_path), number)


def test_all_formats_land_in_the_study(tmp_path: Path) -> None:
    made = folder(tmp_path)
    paths = write_all(made, winner_config(made))
    assert [path.relative_to(made.path).as_posix() for path in paths] == [
        "exports/serve.sh",
        "exports/config.json",
    ]
    assert paths[0].stat().st_mode & 0o777 == 0o755


def test_what_an_engine_needs_around_it_comes_along(tmp_path: Path) -> None:
    winner = {**WINNER, "env": {"MINE_MODE": "fast"}, "wanted_variables": ["MINE_LICENSE"]}
    config = winner_config(folder(tmp_path, winner))
    assert config.env == {"MINE_MODE": "fast"}
    assert config.provenance.wanted_variables == ("MINE_LICENSE",)
    assert winner_config(folder(tmp_path / "older", WINNER)).provenance.wanted_variables == ()


def test_another_trial_runs_on_the_same_card(tmp_path: Path) -> None:
    pin = {"ROCR_VISIBLE_DEVICES": "GPU-9"}
    made = folder(tmp_path, {**WINNER, "env": pin})
    assert trial_config(made, 0).env == {}  # on a processor
    (made.path / "provenance.json").write_text(json.dumps({**FACTS, "gpu": "GPU-9"}))
    assert trial_config(made, 0).env == pin


def test_another_trial_of_an_engine_of_ones_own_has_its_variables(
    tmp_path: Path, fake_engine_manifest: Callable[..., Path]
) -> None:
    made = folder(tmp_path, {**WINNER, "env": {"MINE_MODE": "fast", "MINE_GPU": "GPU-9"}})
    more = {"env": {"MINE_MODE": "fast"}, "inherit": ["MINE_LICENSE"], "gpu_env": "MINE_GPU"}
    engine = {"engine": str(fake_engine_manifest(command=more)), "gpu": "GPU-9"}
    (made.path / "provenance.json").write_text(json.dumps({**FACTS, **engine}))
    config = trial_config(made, 0)
    assert config.env == {"MINE_MODE": "fast", "MINE_GPU": "GPU-9"}
    assert config.provenance.wanted_variables == ("MINE_LICENSE",)
