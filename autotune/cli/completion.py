"""``autotune completion``: a script for the shell, made by shtab from the parsers."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, _SubParsersAction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliPositionalArg

from autotune.cli.commands import COMMANDS
from autotune.cli.io import CommandIO
from autotune.cli.parser import command_source, literal_choices
from autotune.cli.tree import subcommands
from autotune.errors import ExitCode


class Completion(BaseModel):
    """Print a completion script for bash, zsh or fish.

    Examples:
        autotune completion bash > ~/.local/share/bash-completion/completions/autotune
        autotune completion zsh > ~/.zfunc/_autotune
        autotune completion fish > ~/.config/fish/completions/autotune.fish
    """

    model_config = ConfigDict(extra="forbid")

    shell: CliPositionalArg[Literal["bash", "zsh", "fish"]] = Field(description="which shell")

    def run(self, io: CommandIO) -> int:
        """Writes the script to stdout."""
        script = completion_script(self.shell)
        if io.json:
            io.emit_json({"shell": self.shell, "script": script})
        else:
            sys.stdout.write(script + "\n")
        return int(ExitCode.DONE)


def completion_script(shell: str) -> str:
    """The script for `shell`. Imports every command."""
    import shtab

    return str(shtab.complete(full_parser(), shell=shell))


def full_parser() -> ArgumentParser:
    """One parser for the whole command line."""
    root = ArgumentParser(prog="autotune")
    root.add_argument("--version", action="store_true", help="print the version")
    commands = root.add_subparsers()
    for spec in COMMANDS.values():
        _add(commands, "autotune", spec.name, spec.load(), spec.line)
    return root


def _add(
    parent: _SubParsersAction[ArgumentParser],
    prog: str,
    name: str,
    model: type[BaseModel],
    line: str,
) -> None:
    parser = parent.add_parser(name, help=line)
    inside = subcommands(model)
    if inside:
        commands = parser.add_subparsers()
        for sub_name, sub in inside.items():
            _add(commands, f"{prog} {name}", sub_name, sub, _line(sub))
        return
    command_source(f"{prog} {name}", model, parser)
    _complete_values(parser, model)


def _line(model: type[BaseModel]) -> str:
    from autotune.cli.help import doc_text

    return doc_text(model).line


def _complete_values(parser: ArgumentParser, model: type[BaseModel]) -> None:
    """Gives choices and file names to the actions that take them."""
    import shtab

    choices = {name: literal_choices(info) for name, info in model.model_fields.items()}
    for action in parser._actions:
        if choices.get(action.dest):
            action.choices = choices[action.dest]
        if getattr(action, "complete", None) == "file":
            complete: Any = shtab.FILE
            action.complete = complete  # type: ignore[attr-defined]  # shtab's own interface
