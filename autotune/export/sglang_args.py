"""SGLang's arguments, one flag a line, quoted as a shell and xargs read them."""

from __future__ import annotations

import shlex

from autotune.errors import UserError
from autotune.export.command import command_of
from autotune.export.model import ExportConfig
from autotune.export.provenance import one_line, provenance_lines, scope_text

LAUNCH = "python3 -m sglang.launch_server"

_ONLY_OF_THE_COMMAND = ("--model-type",)
"""Flags that ``sglang serve`` takes itself and the server does not know."""


def render_sglang_args(config: ExportConfig, full: bool = False) -> str:
    """The file's text. Raises `UserError` for a value of several lines."""
    command = command_of(config, full).without(*_ONLY_OF_THE_COMMAND)
    lines = [f"# {line}" for line in provenance_lines(config.provenance)]
    lines += [f"# {scope_text(full)}", f"# Use it with: grep -v '^#' FILE | xargs {LAUNCH}"]
    lines += [f"# {one_line(f'Set {n}={shlex.quote(v)}')}" for n, v in command.env.items()]
    for flag in command.flags:
        if any("\n" in word or "\r" in word for word in flag.words):
            raise UserError(f"{flag.name} has a value of several lines", "use --format shell")
        lines.append(shlex.join(flag.words))
    return "\n".join(lines) + "\n"
