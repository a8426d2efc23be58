"""An engine started from exported files: the fake one, whose settings can be read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autotune.errors import ExitCode, MachineError
from autotune.export.formats import render
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify import live
from autotune.export.verify.known_turns import KnownTurns
from autotune.export.verify.live import Room, verify_live
from autotune.export.verify.outcome import Verification
from autotune.export.verify.run import verify_export
from autotune.export.verify.starting import Artefact
from autotune.launchers.habits import export_env
from autotune.launchers.http import Answer
from autotune.launchers.manifest import read_manifest
from autotune.launchers.protocol import LaunchContext
from autotune.launchers.registry import make_launcher
from autotune.study.folder import StudyFolder

SETTINGS: dict[str, Any] = {"ctx-size": 4096, "parallel": 2, "kv-unified": False}
NOTHING = KnownTurns(None, {})
Verify = Callable[..., Verification]


@pytest.fixture
def tuned(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, made: Any, tmp_path: Path
) -> Callable[..., ExportConfig]:
    def make(*faults: str, **tables: Any) -> ExportConfig:
        engine = str(fake_engine_manifest(*faults, **tables))
        launcher = make_launcher(engine)
        context = LaunchContext(fake_model, tmp_path, tmp_path / "log", "export", port=8080)
        from autotune.candidate import Candidate

        argv = list(launcher.export_argv(Candidate(SETTINGS), context))
        env = export_env(launcher, context)
        config: ExportConfig = made(engine, argv, SETTINGS, env=env, model=str(fake_model))
        return config

    return make


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def run(config: ExportConfig, name: str, change: tuple[str, str] = ("", "")) -> Verification:
        text = render(config, name, ExportOptions())
        path = tmp_path / f"out-{name}.toml"
        path.write_text(text.replace(*change) if change[0] else text)
        room = Room(tmp_path / "logs", tmp_path / "work", start_timeout_s=30)
        told: list[str] = []
        found = verify_live(
            Artefact(path, name, config), ExportOptions(), NOTHING, room, told.append
        )
        assert any("starting" in line for line in told)
        assert list((tmp_path / "work").glob("*")) == []
        return found

    return run


@pytest.mark.parametrize("name", ["shell", "json", "manifest"])
def test_it_runs_as_tuned(name: str, tuned: Any, verify: Verify) -> None:
    found = verify(tuned(), name)
    assert found.problems == ()
    assert found.read_back == SETTINGS
    assert (found.unread, found.exit_code) == ((), ExitCode.DONE)
    assert "a short prompt was answered" in found.checked
    assert found.notes == ("it was tuned on another build of fake than the one here",)


NEEDY = 'test "$MINE_MODE" = fast || exit 3; exec "$@"'
"""Starts the engine only with a variable of its own."""


@pytest.mark.parametrize("name", ["shell", "json", "manifest"])
def test_an_engine_gets_its_variables_from_the_file(
    name: str, tuned: Any, verify: Verify, fake_engine_manifest: Callable[..., Path]
) -> None:
    usual = read_manifest(fake_engine_manifest()).command.argv
    command = {"argv": ["sh", "-c", NEEDY, "sh", *usual], "env": {"MINE_MODE": "fast"}}
    config = tuned(command=command)
    assert verify(config, name).problems == ()
    changed = ("fast\n", "slow\n") if name == "shell" else ('"fast"', '"slow"')
    assert "does not start" in verify(config, name, changed).problems[0]


def test_a_file_that_was_changed_does_not(tuned: Any, verify: Verify) -> None:
    found = verify(tuned(), "shell", ("4096", "2048"))
    assert found.problems == ("ctx-size: asked 4096, runs with 2048",)
    assert found.exit_code == ExitCode.NOTHING_BETTER


def test_a_flag_that_the_engine_does_not_know_is_a_fault_of_the_file(
    tuned: Any, verify: Verify
) -> None:
    found = verify(tuned(), "shell", ("--parallel", "--paralell"))
    assert found.exit_code == ExitCode.NOTHING_BETTER
    assert "the engine does not start from it" in found.problems[0]
    assert "its log is" in found.notes[0]


def test_a_model_that_is_not_here_is_a_fault_of_the_machine(tuned: Any, verify: Verify) -> None:
    config = tuned()
    gone = replace(config, provenance=replace(config.provenance, model="/gone/m.gguf"))
    with pytest.raises(MachineError, match=r"no model at /gone/m\.gguf"):
        verify(gone, "shell")


def test_a_studys_turns_are_replayed_where_it_knows_them(tuned: Any, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    facts = {"workload": str(tmp_path / "none"), "history": "recorded", "engine": "x"}
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "provenance.json").write_text(json.dumps(facts))
    config = tuned()
    path = tmp_path / "serve.sh"
    path.write_text(render(config, "shell", ExportOptions()))
    room = Room(tmp_path / "logs", tmp_path / "work", start_timeout_s=30)
    found = verify_export(
        Artefact(path, "shell", config), ExportOptions(), folder, room, lambda _: None
    )
    assert found.as_tuned
    assert any("cannot be replayed" in note for note in found.notes)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"data": [{"id": "/models/tiny"}]}, "/models/tiny"),
        ({"data": [{"id": "other"}, {"id": "local"}]}, "local"),
        ({"data": []}, "local"),
        ({"error": "no"}, "local"),
        (None, "local"),
    ],
)
def test_requests_call_the_model_what_the_engine_does(
    monkeypatch: pytest.MonkeyPatch, body: object, name: str
) -> None:
    answer = None if body is None else Answer(200, body)
    monkeypatch.setattr(live, "ask_ok", lambda *_: answer)
    server: Any = SimpleNamespace(base_url="http://127.0.0.1:1")
    assert live.served_name(server, "local") == name
