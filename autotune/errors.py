"""Every error that autotune raises on purpose.

::

    AutotuneError
    ├── UserError         exit 2   usage, config or input; says what to do next
    ├── MachineError      exit 3   the machine or the engine cannot be used
    └── TrialError        never leaves a trial: it becomes a constraint

A message is one line; the hint is one line that says what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    NOTHING_BETTER = 1
    USAGE = 2
    MACHINE = 3
    NO_FEASIBLE_TRIAL = 4
    STOPPED_EARLY = 75
    INTERRUPTED = 130


_GRAVITY = (
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.MACHINE,
    ExitCode.NO_FEASIBLE_TRIAL,
    ExitCode.STOPPED_EARLY,
    ExitCode.NOTHING_BETTER,
    ExitCode.DONE,
)


def gravest(codes: Iterable[int]) -> ExitCode:
    """How several things together ended: the gravest of their exit codes, done where there are
    none."""
    found = {ExitCode(code) for code in codes}
    return next((code for code in _GRAVITY if code in found), ExitCode.DONE)


class AutotuneError(Exception):
    """Base of all: a one-line message and a one-line hint."""

    exit_code: ExitCode = ExitCode.MACHINE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UserError(AutotuneError):
    """The command line, a config file or an input file is wrong."""

    exit_code = ExitCode.USAGE


class MachineError(AutotuneError):
    """The machine, the GPU or the engine cannot be used as asked."""

    exit_code = ExitCode.MACHINE
