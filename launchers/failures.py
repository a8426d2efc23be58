"""From a log and an exit code to a failure kind: patterns first, then what the code says."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from autotune.launchers.failure import Failure, FailureKind


@dataclass(frozen=True, slots=True)
class LogPattern:
    """A pattern that names a failure. Without a message the matching line is the message."""

    regex: re.Pattern[str]
    kind: FailureKind
    message: str = ""


def explain(patterns: Iterable[LogPattern], log_text: str, returncode: int | None) -> Failure:
    """The first pattern that matches, else ``CRASH``, or ``TIMEOUT`` for a process still alive.

    A process that somebody killed outright counts as out of memory: autotune reads a log before it
    kills, so it was the system, which does this where GPU and host share their memory.
    """
    for pattern in patterns:
        if (match := pattern.regex.search(log_text)) is not None:
            line = line_around(log_text, match.start())
            return Failure(pattern.kind, pattern.message or line, line)
    evidence = last_line(log_text)
    if returncode == -signal.SIGKILL:
        message = "the engine was ended by SIGKILL, as the system does when memory runs out"
        return Failure(FailureKind.OUT_OF_MEMORY, message, evidence)
    if returncode is None:
        return Failure(FailureKind.TIMEOUT, "the engine is alive but did not answer", evidence)
    return Failure(FailureKind.CRASH, how_it_ended(returncode), evidence)


def how_it_ended(returncode: int) -> str:
    """An exit code in words; a negative one is a signal (as `subprocess` reports it)."""
    if returncode >= 0:
        return f"the engine exited with code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return f"the engine was ended by {name}"


def line_around(log_text: str, position: int) -> str:
    """The line that holds `position`, at most 300 characters."""
    begin = log_text.rfind("\n", 0, position) + 1
    end = log_text.find("\n", position)
    return log_text[begin : end if end >= 0 else None].strip()[:300]


def last_line(log_text: str) -> str:
    """The last line that says something, at most 300 characters."""
    for line in reversed(log_text.splitlines()):
        if line.strip():
            return line.strip()[:300]
    return ""
