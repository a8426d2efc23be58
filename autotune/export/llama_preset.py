"""A preset of llama-server's router mode: ``llama-server --models-preset FILE``.

The grammar is that of ``common/preset.cpp``: there are no quotes, a value ends at ``;`` or ``#``,
and blanks around it are dropped. Keys are flags without dashes; a switch that is off is written by
its ``no-`` form, as one without that form would be dropped in silence. The router sets host, port
and alias itself.
"""

from __future__ import annotations

import re

from autotune.errors import UserError
from autotune.export.command import Command, Flag, command_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, service_name
from autotune.export.provenance import one_line, provenance_lines, scope_text

_ROUTERS = ("--host", "--port", "--alias")
_LONG = re.compile(r"--[A-Za-z][A-Za-z0-9-]*")
_UNSAYABLE = re.compile(r"[;#\n\r]|^[ \t]|[ \t]$")
_HINT = "use --format shell, which can say it"


def render_llama_preset(config: ExportConfig, options: ExportOptions) -> str:
    """One section, named as the model is asked for. Raises `UserError` for what INI cannot say."""
    command = command_of(config, options.full).without(*_ROUTERS)
    lines = [f"; {line}" for line in provenance_lines(config.provenance)]
    lines += [f"; {scope_text(options.full)}"]
    lines += [f"; Use it with: llama-server --models-preset FILE{_needs(command)}"]
    lines += [f"[{service_name(config, options)}]"]
    lines += [f"{key} = {value}" for key, value in map(_entry, command.flags)]
    return "\n".join(lines) + "\n"


def _needs(command: Command) -> str:
    if not command.env:
        return ""
    told = " ".join(f"{name}={value}" for name, value in command.env.items())
    return f" (with {one_line(told)} in the router's environment)"


def _entry(flag: Flag) -> tuple[str, str]:
    if not _LONG.fullmatch(flag.name):
        raise UserError(f"a preset has no key for {flag.name}", _HINT)
    if len(flag.values) > 1:
        raise UserError(f"a preset cannot give two values to {flag.name}", _HINT)
    value = flag.values[0] if flag.values else "true"
    if _UNSAYABLE.search(value):
        raise UserError(
            f"a preset cannot hold {flag.bare} = {value!r}: without quotes, ; and # end a value",
            _HINT,
        )
    if flag.name == "--model" and not value.startswith("/"):
        raise UserError(
            f"the model's path {value} is relative, and a preset is read from the server's folder",
            "start the study with the model's whole path",
        )
    return flag.bare, value
