"""Files for other programs: what is right passes, and every kind of damage is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import ExitCode
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify import compose_rules, unit_rules
from autotune.export.verify.checked_yaml import same_words
from autotune.export.verify.compose_rules import parsed_by_docker
from autotune.export.verify.run import RULES
from autotune.export.verify.unit_rules import split_words

NAMED = ExportOptions(name="fast", image="mine:1")
Write = Callable[..., Path]

DAMAGE = {
    "compose": [
        ("--batch-size", "--batch_size", "word 11 of the command is '--batch_size'"),
        ("8080:8080", "8080", "services.fast.ports.0"),
        ("- /app/llama-server", "- /app/$X", "services.fast.entrypoint.0"),
        ("read_only: true", "readonly: true", "services.fast.volumes.0.read_only: Field required"),
        ("services:", "services: [", "not YAML"),
    ],
    "llama-swap": [
        ("--batch-size 512", "--batch-size 256", "is '256', tuned was '512'"),
        ("checkEndpoint", "checkEndPoint", "checkEndpoint: Field required"),
        ("--slots", "--alias ${HOME}", "${HOME} is no macro"),
        ("healthCheckTimeout: 600", "healthCheckTimeout: 3", "healthCheckTimeout: Input should be"),
    ],
    "kubernetes": [
        ("kind: Deployment", "kind: Deploy", "kind: Input should be"),
        ("mountPath: /dev/shm", "mountPath: shm", "String should match"),
        ("name: shm\n          emptyDir", "name: gone\n          emptyDir", "not those mounted"),
        ("- '512'", "- '256'", "is '256', tuned was '512'"),
        ("selector:\n    app: fast", "selector:\n    app: slow", "does not select the pod"),
        ("\n---\n", "\n", "1 documents instead of two"),
    ],
    "systemd": [
        ("--batch-size 512", "--batch-size 256", "is '256', tuned was '512'"),
        ("CUDA_VISIBLE_DEVICES=GPU-1", "CUDA_VISIBLE_DEVICES=GPU-2", "word 0 of the environment"),
    ],
    "share": [
        ('"notes": "', '"notes": "/home/me/x ', "a path of this machine is in it: /home/me/x"),
        ('"hfId"', '"id"', "no field hfId"),
    ],
}
CASES = [(name, *case) for name, cases in DAMAGE.items() for case in cases]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the programs of this machine, which know that no engine is at ``/opt``."""
    monkeypatch.setattr(compose_rules.shutil, "which", lambda _: None)
    monkeypatch.setattr(unit_rules.shutil, "which", lambda _: None)


@pytest.mark.parametrize("name", RULES)
def test_what_was_written_is_valid(name: str, llama: ExportConfig, write: Write) -> None:
    found = RULES[name](write(llama, name), llama, NAMED)
    assert found.problems == ()
    assert (found.started, found.exit_code) == (False, ExitCode.DONE)
    assert found.checked


@pytest.mark.parametrize(("name", "old", "new", "problem"), CASES)
def test_damage_is_found(
    name: str, old: str, new: str, problem: str, llama: ExportConfig, write: Write
) -> None:
    found = RULES[name](write(llama, name, (old, new)), llama, NAMED)
    assert found.exit_code == ExitCode.NOTHING_BETTER
    assert any(problem in text for text in found.problems), found.problems


@pytest.mark.parametrize("name", ["compose", "systemd", "kubernetes", "llama-swap"])
def test_the_variables_of_an_engine_of_ones_own_are_compared(
    name: str, made: Any, write: Write
) -> None:
    config = made("mine.toml", ["/x/run", "--model", "/m/a.gguf"], env={"MINE_MODE": "quick$1"})
    facts = replace(config.provenance, wanted_variables=("MINE_LICENSE",))
    config = replace(config, provenance=facts)
    assert RULES[name](write(config, name), config, NAMED).problems == ()
    (problem,) = RULES[name](write(config, name, ("quick", "slow")), config, NAMED).problems
    assert "of the environment is 'MINE_MODE=slow$1', tuned was 'MINE_MODE=quick$1'" in problem


def test_what_was_not_asked_is_said(llama: ExportConfig, write: Write) -> None:
    compose = RULES["compose"](write(llama, "compose"), llama, NAMED)
    assert any("docker compose is not installed" in text for text in compose.unchecked)
    unit = RULES["systemd"](write(llama, "systemd"), llama, NAMED)
    assert "systemd-analyze is not installed" in unit.unchecked
    share = RULES["share"](write(llama, "share"), llama, NAMED)
    assert "hfId" in share.unchecked[0]


def test_what_is_no_json_is_not_shared(tmp_path: Path, llama: ExportConfig) -> None:
    path = tmp_path / "share.json"
    path.write_text("{")
    assert "not JSON" in RULES["share"](path, llama, NAMED).problems[0]


PROGRAM = """#!/bin/sh
case "$*" in
  "compose version") exit {there} ;;
  *config*) echo "{says}" >&2; exit {refuses} ;;
esac
"""


@pytest.mark.parametrize(
    ("there", "refuses", "found"),
    [(1, 0, None), (0, 0, ()), (0, 1, ("docker compose: services.x is bad",))],
)
def test_docker_compose_is_asked_where_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: int,
    refuses: int,
    found: tuple[str, ...] | None,
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(PROGRAM.format(there=there, refuses=refuses, says="services.x is bad"))
    docker.chmod(0o755)
    monkeypatch.setattr(compose_rules.shutil, "which", lambda _: str(docker))
    assert parsed_by_docker(tmp_path / "compose.yaml") == found


def test_systemd_analyze_is_asked_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llama: ExportConfig, write: Write
) -> None:
    tool = tmp_path / "systemd-analyze"
    path = write(llama, "systemd")
    lines = f"other.service: not ours\n{path.name}: Command /opt/llama-server is not executable"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "{lines}" >&2\n')
    tool.chmod(0o755)
    monkeypatch.setattr(unit_rules.shutil, "which", lambda _: str(tool))
    found = RULES["systemd"](path, llama, NAMED)
    assert found.problems == (f"{path.name}: Command /opt/llama-server is not executable",)
    assert "systemd-analyze verify" in found.checked


def test_words_of_a_unit() -> None:
    assert split_words(r'a "b \"c\" 5%%" "" \\') == ["a", 'b "c" 5%', "", "\\"]


def test_the_first_word_that_differs_is_named() -> None:
    assert same_words(["a", "b"], ["a", "c"]) == ("word 1 of the command is 'b', tuned was 'c'",)
    assert same_words(["a"], ["a", "c"]) == ("the command has 1 words, tuned were 2",)
    assert same_words(json.loads('["a"]'), ["a"]) == ()
