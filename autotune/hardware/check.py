"""One thing that ``autotune doctor`` looked at, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class CheckStatus(StrEnum):
    """How it is. ``FAIL`` means that measuring would not work or would not be true."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """A finding: one line of message, and one line of `fix` unless all is well."""

    name: str
    status: CheckStatus
    message: str
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def ok(name: str, message: str) -> Check:
    """All is well."""
    return Check(name, CheckStatus.OK, message)


def warn(name: str, message: str, fix: str) -> Check:
    """It works, but numbers may be worse or less steady than they could be."""
    return Check(name, CheckStatus.WARN, message, fix)


def fail(name: str, message: str, fix: str) -> Check:
    """It does not work, or what is measured would not be true."""
    return Check(name, CheckStatus.FAIL, message, fix)


def any_failed(checks: Iterable[Check]) -> bool:
    """Whether the machine is unfit as it is."""
    return any(check.status is CheckStatus.FAIL for check in checks)


def gib(n_bytes: int) -> str:
    """Bytes for a person."""
    return f"{n_bytes / 2**30:.1f} GiB"
