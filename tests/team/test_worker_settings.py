"""What a worker on another host is told: settings, whole and checked, and nothing else."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.search.request import RunRequest
from autotune.team.worker_settings import WorkerSettings, absolute, read_settings

REQUEST = RunRequest(
    workload=Path("/data/captures"),
    gpu="3090",
    engine="llama-server",
    model=Path("/models/m.gguf"),
    budget_s=600.0,
    trials=12,
    study="team",
    also_model=(Path("/models/q4.gguf"),),
    pins={"batch-size": 512, "flash-attn": "on", "mmap": False, "rope-scale": 0.5},
    tables={"batch-size": {"choices": [512, 1024]}},
)
SETTINGS = WorkerSettings(
    request=REQUEST,
    storage="postgresql://me@host/db",
    study="team",
    artifacts="s3://lab/a",
    until=1.5e9,
    slot=3,
)


def document(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(SETTINGS.to_json())
    return {**made, **changes}


def test_what_was_written_is_read() -> None:
    assert read_settings(SETTINGS.to_json()) == SETTINGS


def test_kinds_of_values_survive() -> None:
    pins = read_settings(SETTINGS.to_json()).request.pins
    assert [type(v) for v in pins.values()] == [int, str, bool, float]


def test_every_field_of_a_request_is_sent_or_left_to_each_host() -> None:
    sent = set(document()["request"])
    left = {f.name for f in fields(RunRequest)} - sent
    of_a_host = {"noise_cache", "host_bytes", "partners"}
    assert left - of_a_host == {"dry_run", "assume_gpu", "new_study"}


def test_it_holds_no_code_no_command_line_and_no_environment() -> None:
    assert set(document()) == {
        "schema_version",
        "autotune_version",
        "request",
        "storage",
        "study",
        "artifacts",
        "until",
        "heartbeat_s",
        "slot",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"argv": ["/bin/sh", "-c", "true"]},
        {"env": {"PATH": "/tmp"}},
        {"schema_version": "worker-settings/2"},
        {"autotune_version": "0.0.0"},
        {"request": None},
        {"request": []},
        {"slot": "one"},
        {"storage": None},
        {"until": "soon"},
    ],
)
def test_another_document_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="cannot be used") as caught:
        read_settings(json.dumps(document(**changes)))
    assert caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"command": "sh"},
        {"dry_run": True},
        {"noise_cache": "/tmp"},
        {"trials": "many"},
        {"trials": -1},
        {"workload": None},
        {"objective": "cheapest"},
        {"history": "none"},
        {"quality": "whatever"},
        {"pins": {"batch-size": ["a", "list"]}},
        {"pins": "batch-size=512"},
        {"budget_s": -5},
    ],
)
def test_another_request_is_refused(changes: dict[str, Any]) -> None:
    request = {**document()["request"], **changes}
    with pytest.raises(UserError, match="cannot be used"):
        read_settings(json.dumps(document(request=request)))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"until": NaN}', "\x00"])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="cannot be used"):
        read_settings(text)


def test_paths_are_made_whole_where_the_command_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = absolute(
        replace(
            REQUEST,
            workload=Path("captures"),
            model=Path("m.gguf"),
            engine="mine.toml",
            also_model=(Path("q4.gguf"),),
        )
    )
    assert request.workload == tmp_path / "captures"
    assert request.model == tmp_path / "m.gguf"
    assert request.engine == str(tmp_path / "mine.toml")
    assert request.also_model == (tmp_path / "q4.gguf",)
    assert request.studies_dir == tmp_path / "studies"
    assert request.engine_path is None
    assert absolute(REQUEST).engine == "llama-server"
