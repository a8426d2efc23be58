"""A file of variables for llama-server: systemd's ``EnvironmentFile=``, docker's ``--env-file``."""

from __future__ import annotations

import re
import shlex

from autotune.errors import UserError
from autotune.export.command import Command, Flag, command_of
from autotune.export.llama_variables import assignment
from autotune.export.model import ExportConfig
from autotune.export.provenance import one_line, provenance_lines, scope_text

EXTRA = "LLAMA_EXTRA_ARGS"
"""Holds the flags that have no variable, for whoever starts the server to put on its command."""

_UNSAFE = re.compile(r"""[\x00-\x1f\x7f\\$`"']|^\s|\s$|\s\#|^\#""")


def render_env_file(config: ExportConfig, full: bool = False) -> str:
    """``NAME=value`` lines without quotes, which every reader of such files takes alike.

    Raises `UserError` for a value that they would read differently.
    """
    command = command_of(config, full)
    pairs = {**command.env, **_assigned(command)}
    extra = [word for flag in _left(command) for word in flag.words]
    lines = [f"# {line}" for line in provenance_lines(config.provenance)]
    lines += [f"# {scope_text(full)}", f"# {one_line(f'Start it with: {_start(command, extra)}')}"]
    lines += [f"{name}={_safe(name, value)}" for name, value in pairs.items()]
    if extra:
        lines += ["# These flags have no variable; they belong on the command line."]
        lines += [f"{EXTRA}={' '.join(_word(word) for word in extra)}"]
    return "\n".join(lines) + "\n"


def _assigned(command: Command) -> dict[str, str]:
    return dict(pair for flag in command.flags if (pair := assignment(flag)) is not None)


def _left(command: Command) -> list[Flag]:
    return [flag for flag in command.flags if assignment(flag) is None]


def _start(command: Command, extra: list[str]) -> str:
    program = shlex.join(command.program)
    return f"{program} ${EXTRA}" if extra else program


def _safe(name: str, value: str) -> str:
    if _UNSAFE.search(value):
        raise UserError(
            f"{name}={value!r} cannot stand in an environment file: its readers differ on quotes",
            "use --format shell or systemd, which quote it",
        )
    return value


def _word(word: str) -> str:
    """A word of the extra arguments, which are split at blanks and nowhere else."""
    if not word or re.search(r"\s", word):
        raise UserError(
            f"{word!r} has no variable and cannot stand in {EXTRA}, which is split at blanks",
            "use --format shell or systemd, which quote it",
        )
    return _safe(EXTRA, word)
