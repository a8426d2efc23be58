"""What a program says about itself: its output, its hash, its flags."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.launchers.probe_memory import recalled

_PROBE_TIMEOUT_S = 60.0
_REMOVED = "the argument has been removed"
_LONG_FLAG = re.compile(r"(?<![\w-])--([A-Za-z0-9][A-Za-z0-9_-]*)")
_ALIAS = re.compile(r"(?<![\w-])--?[A-Za-z0-9][A-Za-z0-9_-]*,?")


def output_of(
    argv: Sequence[str],
    env: Mapping[str, str],
    hint: str,
    *,
    timeout_s: float = _PROBE_TIMEOUT_S,
) -> str:
    """stdout and stderr of a short command. Raises `MachineError` when it does not run or fails.

    Inside `probe_memory.remembering` an answer that was given before is used again.
    """
    return recalled(argv, env, lambda: _run(argv, env, hint, timeout_s))


def _run(argv: Sequence[str], env: Mapping[str, str], hint: str, timeout_s: float) -> str:
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


def find_program(engine_path: Path | None, name: str, hint: str) -> Path:
    """The program given, a path or a name, or else `name` on PATH; absolute, links as they are.

    Raises `MachineError` with `hint` where there is none.
    """
    found = shutil.which(str(engine_path) if engine_path is not None else name)
    if found is None:
        where = f"no program {engine_path}" if engine_path is not None else f"no {name}"
        raise MachineError(f"there is {where}", hint)
    return Path(found).absolute()


def sha256_of(path: Path) -> str:
    """The file's SHA-256, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class FlagUsage:
    """What a ``--help`` says of one flag: `hint` is the word for its value, empty for a switch."""

    hint: str
    about: str

    @property
    def removed(self) -> bool:
        """Whether the help lists it only to say that it is gone."""
        return _REMOVED in self.about


def flags_in(help_text: str) -> frozenset[str]:
    """Long flag names that a ``--help`` text defines, without dashes.

    An option starts at the left, help text is indented; an option whose help says that it has
    been removed is no option.
    """
    return frozenset(f for f, usage in usages_in(help_text).items() if not usage.removed)


def usages_in(help_text: str) -> dict[str, FlagUsage]:
    """Every long flag that a ``--help`` text lists, the removed ones too, and what it says."""
    found: dict[str, FlagUsage] = {}
    for block in _blocks(help_text):
        found |= _usages_of(block)
    return found


def _blocks(help_text: str) -> list[list[str]]:
    """Lines by option: the defining line and its indented help."""
    blocks: list[list[str]] = []
    for line in help_text.splitlines():
        if re.match(r" {0,4}-", line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    return blocks


def _usages_of(block: list[str]) -> dict[str, FlagUsage]:
    # The help begins after at least two blanks that follow the aliases and the value's name.
    defined, *about = re.split(r"(?<=[^\s,]) {2,}", block[0].strip(), maxsplit=1)
    words = " ".join(" ".join([*about, *block[1:]]).split())
    hint = _ALIAS.sub("", defined).strip()
    return {name: FlagUsage(hint, words) for name in _LONG_FLAG.findall(defined)}
