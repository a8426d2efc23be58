"""The table of commands and the help that is made from it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from autotune.cli.commands import COMMANDS, CommandSpec
from autotune.cli.errors import report, unexpected
from autotune.cli.help import doc_text, examples_block, group_help, top_help
from autotune.cli.parser import command_source
from autotune.cli.tree import subcommands
from autotune.errors import ExitCode, UserError


def leaves(prog: str, model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    inside = subcommands(model)
    if not inside:
        return [(prog, model)]
    return [leaf for name, sub in inside.items() for leaf in leaves(f"{prog} {name}", sub)]


@pytest.mark.parametrize("spec", COMMANDS.values(), ids=lambda spec: spec.name)
def test_every_command_can_run_and_has_examples_that_parse(spec: CommandSpec) -> None:
    for prog, model in leaves(f"autotune {spec.name}", spec.load()):
        assert callable(getattr(model, "run", None)), prog
        examples = doc_text(model).examples
        assert examples, f"{prog} has no examples"
        for example in examples:
            assert example.startswith(f"{prog} ") or example == prog


@pytest.mark.parametrize("spec", COMMANDS.values(), ids=lambda spec: spec.name)
def test_every_flag_says_what_it_is_for(spec: CommandSpec) -> None:
    for prog, model in leaves(f"autotune {spec.name}", spec.load()):
        for action in command_source(prog, model).root_parser._actions:
            assert action.help, f"{prog} {action.dest} has no help"


def test_exit_codes_in_the_help_are_the_real_ones() -> None:
    assert all(f"  {int(code):<3}  " in top_help() for code in ExitCode)


def test_group_help_has_all_its_parts() -> None:
    class Group(BaseModel):
        """Things.

        Examples:
            autotune thing do
        """

    text = group_help("autotune thing", doc_text(Group), [("do", "does it")])
    assert text.split("\n\n")[:4] == [
        "usage: autotune thing COMMAND [options]",
        "Things.",
        "commands:\n  do  does it",
        "examples:\n  autotune thing do",
    ]
    assert examples_block(()) == ""


def test_an_error_is_one_line_each_whatever_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    code = report(UserError("two\nlines", "do\nthis"), as_json=False, debug=False)
    assert code == 2
    assert capsys.readouterr() == ("", "error: two lines\nhint: do this\n")
    assert unexpected(ValueError("boom")).message == "unexpected ValueError: boom"
