"""A systemd unit by systemd-analyze where it is installed, and read back word by word."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from autotune.export.command import command_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify.checked_yaml import VARIABLES, same_words
from autotune.export.verify.outcome import Verification

_TIMEOUT_S = 60
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}


def verify_systemd(path: Path, config: ExportConfig, options: ExportOptions) -> Verification:
    """The unit at `path`: its command as systemd would split it, and what systemd-analyze says."""
    text = path.read_text(encoding="utf-8")
    command = command_of(config, options.full)
    problems = (
        *same_words(exec_words(text), command.words),
        *same_words(environment(text), [f"{n}={v}" for n, v in command.env.items()], VARIABLES),
    )
    said = analyzed(path)
    checked = ["the command's words and variables, one by one"]
    unchecked = ["the service was not started"]
    if said is None:
        unchecked.append("systemd-analyze is not installed")
    else:
        checked.append("systemd-analyze verify")
    return Verification(
        format="systemd",
        started=False,
        problems=(*problems, *(said or ())),
        checked=tuple(checked),
        unchecked=tuple(unchecked),
    )


def analyzed(path: Path) -> tuple[str, ...] | None:
    """What ``systemd-analyze verify`` says about the unit; ``None`` where it is not installed.

    What it says about other units of this machine is left out.
    """
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return None
    argv = [tool, "verify", "--man=no", "--generators=no", str(path.resolve())]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stderr + done.stdout).splitlines()
    return tuple(line.strip() for line in lines if path.name in line)


def exec_words(text: str) -> list[str]:
    """The words of ``ExecStart=``: continued lines joined, quotes and escapes undone."""
    (value,) = _values(text, "ExecStart")
    first, *others = split_words(value)
    return [first, *(word.replace("$$", "$") for word in others)]


def environment(text: str) -> list[str]:
    """The ``NAME=value`` of every ``Environment=``."""
    return [word for value in _values(text, "Environment") for word in split_words(value)]


def _values(text: str, key: str) -> list[str]:
    lines = (line for line in text.split("\n") if not line.startswith(("#", ";")))
    joined = "\n".join(lines).replace("\\\n", " ")
    return [line.partition("=")[2] for line in joined.split("\n") if line.startswith(f"{key}=")]


def split_words(value: str) -> list[str]:
    """A setting's words: split at blanks outside of double quotes, escapes and ``%%`` undone."""
    words: list[str] = []
    current: list[str] | None = None
    quoted = False
    letters = iter(value)
    for letter in letters:
        if letter == "\\":
            current = [*(current or []), _UNESCAPED[next(letters)]]
        elif letter == '"':
            quoted, current = not quoted, current or []
        elif letter in " \t" and not quoted:
            words += ["".join(current)] if current is not None else []
            current = None
        else:
            current = [*(current or []), letter]
    words += ["".join(current)] if current is not None else []
    return [word.replace("%%", "%") for word in words]
