"""What a program says about itself: its output, its hash, its flags."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from autotune.errors import MachineError

_PROBE_TIMEOUT_S = 60.0
_REMOVED = "the argument has been removed"
_LONG_FLAG = re.compile(r"(?<![\w-])--([A-Za-z0-9][A-Za-z0-9_-]*)")


def output_of(
    argv: Sequence[str],
    env: Mapping[str, str],
    hint: str,
    *,
    timeout_s: float = _PROBE_TIMEOUT_S,
) -> str:
    """stdout and stderr of a short command. Raises `MachineError` when it does not run or fails."""
    try:
        done = subprocess.run(
            argv,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"{argv[0]} does not run: {error}", hint) from error
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise MachineError(f"{argv[0]} exits {done.returncode}: {_last(text)}", hint)
    return text


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no output"


def sha256_of(path: Path) -> str:
    """The file's SHA-256, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flags_in(help_text: str) -> frozenset[str]:
    """Long flag names that a ``--help`` text defines, without dashes.

    An option starts at the left, help text is indented; an option whose help says that it has
    been removed is no option.
    """
    return frozenset(f for block in _blocks(help_text) for f in _flags_of(block))


def _blocks(help_text: str) -> list[list[str]]:
    """Lines by option: the defining line and its indented help."""
    blocks: list[list[str]] = []
    for line in help_text.splitlines():
        if re.match(r" {0,4}-", line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    return blocks


def _flags_of(block: list[str]) -> list[str]:
    if any(_REMOVED in line for line in block):
        return []
    # The help begins after at least two blanks that follow the aliases and the value's name.
    aliases = re.split(r"(?<=[^\s,]) {2,}", block[0].strip(), maxsplit=1)[0]
    return _LONG_FLAG.findall(aliases)
