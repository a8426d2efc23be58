"""Why a trial could not be measured: the kinds, and the error that carries one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autotune.errors import AutotuneError


class FailureKind(StrEnum):
    """Every way a candidate fails. None of them is ever scored."""

    OUT_OF_MEMORY = "out-of-memory"
    BAD_FLAG = "bad-flag"
    MODEL_MISSING = "model-missing"
    LOAD_ERROR = "load-error"
    PORT_TAKEN = "port-taken"
    WRONG_SERVER = "wrong-server"
    ROUTER_MODE = "router-mode"
    HIDDEN_CONFIG = "hidden-config"
    SETTINGS_DIFFER = "settings-differ"
    CONTEXT_OVERFLOW = "context-overflow"
    CRASH = "crash"
    TIMEOUT = "timeout"
    HANG = "hang"
    BAD_REPLY = "bad-reply"
    WRONG_LENGTH = "wrong-length"
    CACHE_ARM = "cache-arm"
    UNREACHED = "unreached"
    QUALITY = "quality"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Failure:
    """A kind, one line for a person, and the log line that proves it.

    `bound` names settings and the largest value of each that would have started, everything else
    being equal, where the engine says one: a search need not try more. `settings` names those that
    the engine does not run with as they were asked.
    """

    kind: FailureKind
    message: str
    evidence: str = ""
    bound: Mapping[str, int] = field(default_factory=dict)
    settings: tuple[str, ...] = ()


class TrialError(AutotuneError):
    """A candidate failed. Raised below a trial and caught by it: it becomes a constraint."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure
