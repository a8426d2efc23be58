"""Lines by which ds4-server says why it would not run, most telling first, and its exit codes.

Facts are of ``ds4.c`` and ``ds4_server.c`` of May 2026: 2 is a refused command line, 1 everything
that fails after it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.failures import LogPattern, explain

_SECOND = "another ds4 runs on this machine, and it allows only one: stop that one first"

_LINES: tuple[tuple[FailureKind, str, str], ...] = (
    (FailureKind.BAD_FLAG, r"^ds4-server: (?:unknown option|invalid|missing value)", ""),
    (FailureKind.BAD_FLAG, r"^ds4-server: --\S+ must be ", ""),
    (FailureKind.LOAD_ERROR, r"another ds4 process is already running", _SECOND),
    (FailureKind.PORT_TAKEN, r"^ds4-server: failed to listen on", ""),
    (FailureKind.MODEL_MISSING, r"^ds4: cannot open model .*: No such file", ""),
    (FailureKind.OUT_OF_MEMORY, r"out of memory|Insufficient Memory", ""),
    (FailureKind.OUT_OF_MEMORY, r"alloc(?:ation)? failed|failed to allocate", ""),
    (FailureKind.OUT_OF_MEMORY, r"^ds4-server: failed to create \S+ session", ""),
    (FailureKind.LOAD_ERROR, r"^ds4: (?:model |only GGUF|cannot |unsupported)", ""),
    (FailureKind.LOAD_ERROR, r"^ds4: Metal .*(?:compilation|pipeline) failed", ""),
    (FailureKind.CRASH, r"^ds4: (?:CUDA|cuBLAS|Metal) .*failed", ""),
)

PATTERNS = tuple(LogPattern(re.compile(p, re.MULTILINE), kind, text) for kind, p, text in _LINES)

_CODES = {1: FailureKind.LOAD_ERROR, 2: FailureKind.BAD_FLAG}


def explain_ds4(log_text: str, returncode: int | None) -> Failure:
    """By the log, else by the exit code, else crash or timeout."""
    found = explain(PATTERNS, log_text, returncode)
    if found.kind is not FailureKind.CRASH or returncode not in _CODES:
        return found
    if any(pattern.regex.search(log_text) for pattern in PATTERNS):
        return found
    return replace(found, kind=_CODES[returncode])
