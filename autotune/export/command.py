"""The exported command line as parts: variables, program, flags; what every format is made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autotune.errors import UserError
from autotune.export.argv import flag_groups, short_argv
from autotune.export.model import ExportConfig
from autotune.launchers.exported_env import names_a_secret

HOST, PORT = "--host", "--port"
MODEL_FLAGS = ("--model", "--model-path")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_SECRET = re.compile(r"(^|-)(api-key|token|password|passwd|secret)$")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag with its dashes and the words after it; `equals` for ``--name=value``."""

    name: str
    values: tuple[str, ...] = ()
    equals: bool = False

    @property
    def bare(self) -> str:
        """The name without dashes."""
        return self.name.lstrip("-")

    @property
    def words(self) -> tuple[str, ...]:
        """As it is typed."""
        if self.equals:
            return (f"{self.name}={self.values[0]}", *self.values[1:])
        return (self.name, *self.values)


@dataclass(frozen=True, slots=True)
class Command:
    """What starts the engine: `env`, `program` (with what stands before the flags), `flags`."""

    env: Mapping[str, str]
    program: tuple[str, ...]
    flags: tuple[Flag, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The command line, without its variables."""
        return (*self.program, *(word for flag in self.flags for word in flag.words))

    @property
    def model(self) -> str | None:
        """The model's path, where it is given by a flag or as the word after ``serve``."""
        found = next((f.values[0] for f in self.flags if f.name in MODEL_FLAGS and f.values), None)
        if found is None and len(self.program) > 2 and self.program[-2] == "serve":
            return self.program[-1]
        return found

    def value(self, name: str) -> str | None:
        """The last value of a flag; ``None`` where it is not there or is a switch."""
        return next((f.values[0] for f in self.flags[::-1] if f.name == name and f.values), None)

    def with_value(self, name: str, value: str) -> Command:
        """With `name` at `value`, where it stood or at the end."""
        flag = Flag(name, (value,))
        if all(f.name != name for f in self.flags):
            return replace(self, flags=(*self.flags, flag))
        return replace(self, flags=tuple(flag if f.name == name else f for f in self.flags))

    def without(self, *names: str) -> Command:
        """Without these flags."""
        return replace(self, flags=tuple(f for f in self.flags if f.name not in names))


def command_of(config: ExportConfig, full: bool = False) -> Command:
    """The command of `config`; without `full` only with the settings that are no default.

    Raises `UserError` for a command line that holds a secret: it would be in every copy.
    """
    argv: Sequence[str] = config.argv
    if not full:
        argv = short_argv(argv, config.settings, config.full_settings)
    env, rest = _variables(argv)
    program, flags = _program(rest)
    command = Command({**config.env, **env}, program, flags)
    _refuse_secrets(command)
    return command


def _variables(argv: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """The assignments of ``env A=1 B=2 program ...`` and the rest."""
    if not argv or argv[0] != "env":
        return {}, argv
    at = 1
    while at < len(argv) and _VARIABLE.match(argv[at]):
        at += 1
    pairs = (word.partition("=") for word in argv[1:at])
    return {name: value for name, _, value in pairs}, argv[at:]


def _program(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[Flag, ...]]:
    first, *others = flag_groups(argv)
    program = list(first)
    if len(first) == 1 and others and others[0][0] == "-m":
        program += others.pop(0)
    return tuple(program), tuple(_flag(group) for group in others)


def _flag(group: tuple[str, ...]) -> Flag:
    name, equals, value = group[0].partition("=")
    if equals and name.startswith("--"):
        return Flag(name, (value, *group[1:]), equals=True)
    return Flag(group[0], group[1:])


def _refuse_secrets(command: Command) -> None:
    if secret := next((name for name in command.env if names_a_secret(name)), None):
        raise UserError(
            f"the environment holds a secret ({secret}), which an export would copy",
            "set it where the engine is started; a manifest names such variables under inherit",
        )
    for flag in command.flags:
        if flag.values and _SECRET.search(flag.bare):
            raise UserError(
                f"the command line holds a secret ({flag.name}), which an export would copy",
                "give it to the engine by a file or the environment where it is started",
            )
