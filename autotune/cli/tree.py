"""From words to a command: walks groups down to the model that will run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel
from pydantic_settings import CliSubCommand

from autotune.cli.help import doc_text
from autotune.config.layers import closest
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.cli.io import CommandIO

_MARK = get_args(CliSubCommand)[1]
"""What ``CliSubCommand[...]`` leaves in a field's metadata."""


@dataclass(frozen=True, slots=True)
class Found:
    """A command, the words that led to it, and what is left for it to parse."""

    prog: str
    model: type[BaseModel]
    rest: tuple[str, ...]


def subcommands(model: type[BaseModel]) -> Mapping[str, type[BaseModel]]:
    """The commands of a group by name; empty for a command."""
    found: dict[str, type[BaseModel]] = {}
    for name, info in model.model_fields.items():
        if _MARK in info.metadata:
            members = [t for t in get_args(info.annotation) if isinstance(t, type)]
            found[(info.alias or name).replace("_", "-")] = members[0]
    return found


def command_lines(model: type[BaseModel]) -> list[tuple[str, str]]:
    """Name and one line of each command of a group."""
    return [(name, doc_text(sub).line) for name, sub in subcommands(model).items()]


def walk(prog: str, model: type[BaseModel], words: tuple[str, ...]) -> Found:
    """The command that `words` name below `model`; a group itself when they ask for its help.

    Raises `UserError` when they name none.
    """
    inside = subcommands(model)
    if not inside or words[:1] in (("-h",), ("--help",)):
        return Found(prog, model, words)
    if not words or words[0].startswith("-"):
        raise UserError(f"{prog} needs a command", f"one of: {', '.join(inside)}")
    if words[0] not in inside:
        raise unknown_command(prog, words[0], inside)
    return walk(f"{prog} {words[0]}", inside[words[0]], words[1:])


def unknown_command(prog: str, word: str, known: Mapping[str, object]) -> UserError:
    """The error for a command that is not there."""
    near = closest(word, known)
    hint = f"did you mean {prog} {near}?" if near else f"one of: {', '.join(known)}"
    return UserError(f"{prog} has no command {word!r}", hint)


def run_model(model: BaseModel, io: CommandIO) -> int:
    """Runs a parsed command: every one has ``run(io) -> int``."""
    run = getattr(model, "run", None)
    if run is None:
        raise TypeError(f"{type(model).__name__} has no run(io)")
    return int(run(io))
