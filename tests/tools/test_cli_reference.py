from __future__ import annotations

from pathlib import Path

import pytest

import cli_reference
import toolbox

HELP = {
    (): "usage: autotune COMMAND\n\ncommands:\n  run       a\n  captures  b\n\noptions:\n  -h\n",
    ("run",): "usage: autotune run\n",
    ("captures",): "usage: autotune captures COMMAND\n\ncommands:\n  inspect  one\n",
    ("captures", "inspect"): "usage: autotune captures inspect\n",
}


def test_commands_are_read_from_the_help_text() -> None:
    assert list(cli_reference.commands_in(HELP[()])) == ["run", "captures"]
    assert list(cli_reference.commands_in(HELP["run",])) == []


def test_groups_are_followed_by_what_is_in_them() -> None:
    commands = [command for command, _ in cli_reference.pages(HELP.__getitem__)]
    assert commands == [
        "autotune",
        "autotune run",
        "autotune captures",
        "autotune captures inspect",
    ]


def test_a_section_is_a_heading_and_the_text() -> None:
    page = cli_reference.render(HELP.__getitem__)
    assert "\n## `autotune run`\n\n```text\nusage: autotune run\n```\n" in page
    assert "\n### `autotune captures inspect`\n" in page


def test_an_old_page_is_an_error_that_shows_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "cli.md"
    with pytest.raises(toolbox.ToolError, match=r"cli\.md is out of date: run `make docs`"):
        cli_reference.demand_current(page, "new\n")
    page.write_text("old\n")
    with pytest.raises(toolbox.ToolError):
        cli_reference.demand_current(page, "new\n")
    assert "-old\n+new" in capsys.readouterr().err
    cli_reference.demand_current(page, "old\n")


def test_the_installed_command_answers_for_itself() -> None:
    text = cli_reference.installed_help(())
    assert text.startswith("usage: autotune")
    assert "run" in list(cli_reference.commands_in(text))


def test_a_command_that_is_not_there_is_an_error() -> None:
    with pytest.raises(toolbox.ToolError, match="`autotune no-such-thing --help` failed"):
        cli_reference.installed_help(("no-such-thing",))
