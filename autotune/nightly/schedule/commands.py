"""The machine's own programs that schedules are made with: one seam, so that tests need none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autotune.errors import MachineError

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that ended: its exit code, what it wrote on stdout, and on stderr as text."""

    code: int
    out: bytes = b""
    err: str = ""

    @property
    def said(self) -> str:
        """The last line that it complained with, for an error of one line."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


class Commands(Protocol):
    """Finds and runs programs of the machine."""

    def find(self, program: str) -> str | None:
        """The whole path of `program`; ``None`` where it is not."""

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", extra_env: Mapping[str, str] | None = None
    ) -> Ran:
        """Runs `argv` to its end. Raises `MachineError` when it cannot be run or hangs."""


@dataclass(frozen=True, slots=True)
class SystemCommands:
    """The real ones. `environ` is the environment to find and run them in."""

    environ: Mapping[str, str]

    def find(self, program: str) -> str | None:
        """The program on ``PATH``."""
        return shutil.which(program, path=self.environ.get("PATH"))

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", extra_env: Mapping[str, str] | None = None
    ) -> Ran:
        """Messages are asked for in English: some are read."""
        env = {**self.environ, "LC_ALL": "C", **(extra_env or {})}
        program = self.find(argv[0])
        if program is None:
            raise MachineError(f"{argv[0]} is not here", "install it, or choose another --schedule")
        try:
            done = subprocess.run(
                [program, *argv[1:]], input=stdin, env=env, capture_output=True, timeout=TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MachineError(
                f"{argv[0]} did not run to its end: {_why(error)}", f"try it by hand: {argv[0]}"
            ) from None
        return Ran(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def _why(error: OSError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer in {TIMEOUT_S:.0f} s"
    return error.strerror or type(error).__name__
