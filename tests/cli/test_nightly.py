"""``autotune nightly``: the group, as it is typed."""

from __future__ import annotations

import pytest

from autotune.cli.commands import COMMANDS
from autotune.cli.main import main
from autotune.cli.nightly import Nightly
from autotune.cli.tree import subcommands


def test_the_group_is_a_command() -> None:
    assert COMMANDS["nightly"].load() is Nightly
    assert {"install", "uninstall", "status", "log", "prune"} <= set(subcommands(Nightly))


def test_its_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in subcommands(Nightly))


def test_a_misspelt_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "statsu"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: autotune nightly has no command 'statsu'",
        "hint: did you mean autotune nightly status?",
    ]
