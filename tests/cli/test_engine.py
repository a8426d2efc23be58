"""``autotune engine``: its commands, and the schema of manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.cli.engine import Engine
from autotune.cli.main import main
from autotune.cli.tree import subcommands

Captured = pytest.CaptureFixture[str]


def test_its_commands() -> None:
    assert list(subcommands(Engine)) == ["list", "flags", "check", "schema"]


def test_the_schema_is_the_published_one(capsys: Captured) -> None:
    assert main(["engine", "schema"]) == 0
    shown = capsys.readouterr().out
    page = Path(__file__).parents[2] / "docs" / "engine-manifest.schema.json"
    assert shown == page.read_text(encoding="utf-8")
    assert "command" in json.loads(shown)["properties"]


@pytest.mark.parametrize("command", ["flags", "check"])
def test_an_unknown_engine_is_a_usage_error(
    capsys: Captured, fake_model: Path, command: str
) -> None:
    model = ["--model", str(fake_model)] if command == "check" else []
    assert main(["engine", command, "lama-server", *model]) == 2
    assert "did you mean llama-server?" in capsys.readouterr().err
