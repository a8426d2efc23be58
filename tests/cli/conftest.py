"""The command line as a real process, and a study on disk for it to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli_env(tmp_path: Path) -> dict[str, str]:
    """An environment in which only this test's settings are found."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
    return {**kept, "HOME": str(tmp_path / "home"), "COLUMNS": "80"}


@pytest.fixture
def cli(tmp_path: Path, cli_env: dict[str, str]) -> Cli:
    """``cli("run", "--help", AUTOTUNE_GPU="cpu")`` -> the finished process, text streams."""

    def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autotune.cli.main", *argv],
            cwd=tmp_path,
            env={**cli_env, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


PROVENANCE: dict[str, Any] = {
    "schema_version": "provenance/1",
    "engine": "llama-server",
    "engine_path": "/opt/llama-server",
    "engine_version": "0.6.0 (build 11434)",
    "engine_sha256": "sha256:" + "ab" * 32,
    "model_path": "/models/tiny.gguf",
    "model_sha256": "sha256:" + "cd" * 32,
    "gpu": "cpu",
    "gpu_name": "A Processor",
    "workload": "captures",
    "workload_digest": "sha256:1234",
    "objective": "turn",
    "depth": "0-10k",
    "history": "closed-loop",
    "created_at": "2026-11-01T10:00:00+00:00",
    "autotune_version": "0.1.0",
}

FULL_SETTINGS: dict[str, Any] = {"batch-size": 512, "ubatch-size": 512, "kv-unified": False}

RESULT: dict[str, Any] = {
    "schema_version": "result/1",
    "finished_at": "2026-11-01T11:00:00+00:00",
    "summary": {"verdict": "Trial 1 wins.", "speedup": 1.36, "interval": [1.28, 1.44]},
    "winner": {
        "trial": 1,
        "settings": {"batch-size": 512, "kv-unified": False},
        "full_settings": FULL_SETTINGS,
        "argv": [
            *("/opt/llama-server", "--model", "/models/tiny.gguf", "--batch-size", "512"),
            *("--ubatch-size", "512", "--no-kv-unified"),
        ],
        "env": {"CUDA_VISIBLE_DEVICES": "GPU-1"},
        "quality_changing": [],
    },
}


def write_study(path: Path, result: dict[str, Any] | None = RESULT) -> Path:
    """A study folder without trials."""
    path.mkdir(parents=True)
    (path / "provenance.json").write_text(json.dumps(PROVENANCE))
    if result is not None:
        (path / "result.json").write_text(json.dumps(result))
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A finished study: ``studies/demo``."""
    return write_study(tmp_path / "studies" / "demo")


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A study without a result: ``studies/going``."""
    return write_study(tmp_path / "studies" / "going", None)


@pytest.fixture
def with_trials(study: Path) -> Path:
    """The finished study with three trials in its database: default, winner, one that failed."""
    from optuna.samplers import RandomSampler
    from optuna.trial import TrialState, create_trial

    from autotune.study.folder import StudyFolder
    from autotune.study.storage import open_study

    rows: list[dict[str, Any]] = [
        {"settings": {"batch-size": 2048}, "changes": {}, "metrics": {"turn_s": 1.5}},
        {"settings": FULL_SETTINGS, "changes": {"batch-size": 512}, "metrics": {"turn_s": 1.1}},
        {"settings": {"batch-size": 64}, "changes": {"batch-size": 64}, "metrics": {}},
    ]
    with open_study(StudyFolder(study), RandomSampler(seed=0)) as opened:
        for row in rows:
            value = row["metrics"].get("turn_s")
            attrs = {**row, "outcome": "complete" if value else "infeasible"}
            if value is None:
                attrs |= {"failure": "out-of-memory", "reason": "no room for the cache"}
            state = TrialState.COMPLETE if value else TrialState.PRUNED
            opened.add_trial(create_trial(state=state, value=value, user_attrs=attrs))
    return study
