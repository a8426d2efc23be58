"""Lines by which oMLX says why it would not run (0.7), most telling first."""

from __future__ import annotations

import re

from autotune.launchers.failure import FailureKind
from autotune.launchers.failures import LogPattern

_LINES: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.BAD_FLAG, r"error: unrecognized arguments|error: argument --"),
    (FailureKind.BAD_FLAG, r"^Configuration error: "),
    (FailureKind.PORT_TAKEN, r"[Aa]ddress already in use"),
    (FailureKind.OUT_OF_MEMORY, r"kIOGPUCommandBufferCallbackErrorOutOfMemory"),
    (FailureKind.OUT_OF_MEMORY, r"\[metal::malloc\]|ModelTooLargeError|InsufficientMemoryError"),
    (FailureKind.MODEL_MISSING, r"Model directory does not exist"),
    (FailureKind.LOAD_ERROR, r"Failed to discover model|Skipping unsupported model"),
    (FailureKind.CRASH, r"Fatal Python error"),
)

PATTERNS = tuple(LogPattern(re.compile(p, re.MULTILINE), kind) for kind, p in _LINES)
