"""A model of llama-swap: ``models.<name>`` with the command that it starts on a port of its own.

llama-swap splits ``cmd`` as a POSIX shell would, after it has dropped lines that begin with ``#``
and replaced ``${NAME}`` anywhere; there is no way to write a plain ``${``.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from autotune.errors import UserError
from autotune.export.command import HOST, PORT, Command, command_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, service_name
from autotune.export.provenance import gain_text, scope_text
from autotune.export.yaml_text import Block, comment, dump

CHECK = {
    "llama-server": "/health",
    "reference": "/health",
    "vllm": "/health",
    "sglang": "/ready",
}
"""Where an engine says that it is ready, without generating a token for it."""

LOAD_LIMIT_S = 600
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_OWN_PORT = "${PORT}"


def render_llama_swap(config: ExportConfig, options: ExportOptions) -> str:
    """A whole configuration with one model. Raises `UserError` for what it cannot say."""
    command = command_of(config, options.full).without(PORT)
    _check(command)
    name = service_name(config, options)
    data = {"healthCheckTimeout": LOAD_LIMIT_S, "models": {name: _model(config, command)}}
    return f"{comment(config, scope_text(options.full))}{dump(data)}"


def _model(config: ExportConfig, command: Command) -> dict[str, Any]:
    engine = config.provenance.engine or ""
    host = command.value(HOST) or "127.0.0.1"
    made: dict[str, Any] = {
        "description": _description(config),
        "cmd": Block(_cmd(command)),
        "proxy": f"http://{host}:{_OWN_PORT}",
        "checkEndpoint": CHECK.get(engine, "/health"),
    }
    if command.env:
        made["env"] = [f"{name}={value}" for name, value in command.env.items()]
    if engine == "vllm" and command.model is not None:
        # It serves under the path unless told otherwise, and refuses any other name.
        made["useModelName"] = command.model
    return made


def _description(config: ExportConfig) -> str:
    facts = config.provenance
    told = f"study {facts.study}" + (f", trial {facts.trial}" if facts.trial is not None else "")
    gain = gain_text(facts)
    return f"autotune {told}{f': {gain}' if gain else ''}"[:1024]


def _cmd(command: Command) -> str:
    """One flag a line; a line break is a blank to llama-swap."""
    lines = [shlex.join(command.program), *(shlex.join(f.words) for f in command.flags)]
    return "\n".join([*lines, f"{PORT} {_OWN_PORT}"]) + "\n"


def _check(command: Command) -> None:
    words = [*command.words, *command.env.values()]
    if found := next((w for w in words if "${" in w or "\n" in w or "\r" in w), None):
        raise UserError(
            f"llama-swap cannot be given {found!r}: it replaces ${{...}} and splits lines",
            "use --format shell and name the script in cmd",
        )
    if found := next((n for n in command.env if not _VARIABLE.fullmatch(n)), None):
        raise UserError(
            f"llama-swap takes no variable named {found}", "set it where llama-swap is started"
        )
