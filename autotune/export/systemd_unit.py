"""A systemd service that runs the engine as tuned.

Quoting as in systemd.service(5) and systemd.syntax(7): every word in double quotes with C escapes,
``%`` doubled, and ``$`` doubled in the command, where variables are replaced.
"""

from __future__ import annotations

from autotune.errors import UserError
from autotune.export.command import Command, command_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, service_name
from autotune.export.provenance import provenance_lines, scope_text

STOP_S = 60

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render_systemd_unit(config: ExportConfig, options: ExportOptions) -> str:
    """The unit's text, for a user's or the system's manager.

    Raises `UserError` for a program that is not named by its whole path.
    """
    command = command_of(config, options.full)
    if not command.program[0].startswith("/"):
        raise UserError(
            f"systemd wants a program's whole path, and the study knows {command.program[0]}",
            "use --format shell, or start the study with --engine-path /where/it/is",
        )
    name = service_name(config, options)
    lines = [f"# {line}" for line in provenance_lines(config.provenance)]
    lines += [f"# {scope_text(options.full)}"]
    lines += [f"# Use it as ~/.config/systemd/user/{name}.service:"]
    lines += [f"# systemctl --user daemon-reload && systemctl --user enable --now {name}"]
    lines += [
        "[Unit]",
        f"Description={name} as autotune tuned it",
        "After=network.target",
    ]
    lines += ["", "[Service]", "Type=exec"]
    lines += [f"Environment={quoted(f'{n}={v}')}" for n, v in command.env.items()]
    if wanted := config.provenance.wanted_variables:
        lines += ["# Of the manager's environment (systemctl --user import-environment NAME):"]
        lines += [f"PassEnvironment={' '.join(wanted)}"]
    lines += [f"ExecStart={_exec(command)}", *_limits(command)]
    lines += ["", "[Install]", "WantedBy=default.target"]
    return "\n".join(lines) + "\n"


def _exec(command: Command) -> str:
    """One flag a line; a backslash at its end continues it.

    Variables are not replaced in the program's path, so nothing is doubled there.
    """
    first, *others = command.program
    plain = first if _is_plain(first) else quoted(first)
    program = " ".join([plain, *(_word(word) for word in others)])
    flags = (" ".join(_word(word) for word in flag.words) for flag in command.flags)
    return " \\\n    ".join([program, *flags])


def _limits(command: Command) -> list[str]:
    limits = ["Restart=on-failure", "RestartSec=5", f"TimeoutStopSec={STOP_S}", "KillMode=mixed"]
    if locks_memory(command):
        limits.append("LimitMEMLOCK=infinity")
    return limits


def locks_memory(command: Command) -> bool:
    """Whether the engine locks its weights in memory, which a service may not by default."""
    mode = command.value("--load-mode") or ""
    return "mlock" in mode or any(flag.name == "--mlock" for flag in command.flags)


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def quoted(text: str) -> str:
    """`text` as one word of a setting. Raises `UserError` for characters no unit file may hold."""
    if any(ord(c) < 32 and c not in _ESCAPES for c in text) or "\x7f" in text:
        raise UserError(
            f"a unit file cannot hold the control characters of {text!r}", "use --format shell"
        )
    return '"' + _percent("".join(_ESCAPES.get(c, c) for c in text)) + '"'


def _word(text: str) -> str:
    """A word of the command; plain ones stay as they are, to be read."""
    return text if _is_plain(text) else quoted(text).replace("$", "$$")


def _is_plain(text: str) -> bool:
    """A leading @, -, : or + has a meaning in front of the program only, which is a path."""
    return bool(text) and all(c.isascii() and (c.isalnum() or c in "/._-+=:,@") for c in text)
