"""An executable POSIX shell script that starts the engine as tuned."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from autotune.export.argv import flag_groups, short_argv
from autotune.export.model import ExportConfig
from autotune.export.provenance import provenance_lines, scope_text


def render_shell(config: ExportConfig, full: bool = False) -> str:
    """The script's text. It ends in ``exec`` with ``"$@"``: more flags can be given to it.

    Without `full` only the settings that differ from the engine's defaults are written.
    """
    argv = config.argv
    if not full:
        argv = short_argv(argv, config.settings, config.full_settings)
    lines = [
        "#!/bin/sh",
        *(f"# {line}" for line in provenance_lines(config.provenance)),
        f"# {scope_text(full)}",
        "set -eu",
        *(f"export {name}={shlex.quote(value)}" for name, value in sorted(config.env.items())),
        _exec(argv),
    ]
    return "\n".join(lines) + "\n"


def _exec(argv: Sequence[str]) -> str:
    """The command, one flag a line."""
    first, *others = flag_groups(argv)
    parts = [f"exec {shlex.join(first)}", *(shlex.join(group) for group in others), '"$@"']
    return " \\\n    ".join(parts)
