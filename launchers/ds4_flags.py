"""ds4-server's command line and what its log says of it (``ds4_server.c``, ``ds4_kvstore.c``)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from autotune.candidate import Setting
from autotune.launchers.arguments import arguments
from autotune.launchers.failure import Failure, FailureKind, TrialError

RESERVED = (
    "model",
    "host",
    "port",
    "chdir",
    "cors",
    "trace",
    "tokens",
    "kv-disk-dir",
    "dir-steering-*",
    "vision",
)
"""What a launch says itself, or what would change the model that is measured."""

DISK = "kv-disk-space-mb"
"""Its value 0 means: no directory is given, so nothing is kept on disk."""

SESSIONS = "batched-session"
"""Its value 1 means: the flag is not given, so there is one session."""

_REUSE = (DISK, SESSIONS, "kv-cache-*")

_CONTEXT = re.compile(r"context buffers .*\(ctx=(\d+), backend=(\w+)")
_DISK_CACHE = re.compile(
    r"KV disk cache \S+ \(budget=(?P<budget>\d+) MiB, cross-quant=(?P<quant>\w+), "
    r"min=(?P<min>\d+), cold_max=(?P<cold>\d+), continued=(?P<continued>\d+), trim=(?P<trim>\d+), "
    r"align=(?P<align>\d+)"
)
_NUMBERS = {
    DISK: "budget",
    "kv-cache-min-tokens": "min",
    "kv-cache-cold-max-tokens": "cold",
    "kv-cache-continued-interval-tokens": "continued",
    "kv-cache-boundary-trim-tokens": "trim",
    "kv-cache-boundary-align-tokens": "align",
}


def asked_settings(settings: Mapping[str, Setting], *, cold: bool) -> dict[str, Setting]:
    """What of `settings` the engine is told; `cold` leaves one session and nothing on disk."""
    if not cold:
        return dict(settings)
    kept = {n: v for n, v in settings.items() if not _matches(n, _REUSE)}
    return {**kept, DISK: 0}


def ds4_arguments(
    asked: Mapping[str, Setting], accepted: frozenset[str], disk_dir: str
) -> tuple[str, ...]:
    """`asked` as arguments; the disk cache, if there is one, in `disk_dir`.

    Raises `TrialError` (``BAD_FLAG``) for a setting that is refused or that the build lacks.
    """
    for name in asked:
        _check(name, accepted)
    given = {n: v for n, v in asked.items() if not _is_absence(n, v)}
    front = ("--kv-disk-dir", disk_dir) if DISK in given else ()
    return (*front, *arguments(given))


def _is_absence(name: str, value: Setting) -> bool:
    """Switches are off, the disk is unused and sessions are single unless it is said."""
    return value is False or (name == DISK and value == 0) or (name == SESSIONS and value == 1)


def _check(name: str, accepted: frozenset[str]) -> None:
    if _matches(name, RESERVED):
        raise _bad_flag(f"--{name} is set by autotune and may not be tuned")
    if accepted and name not in accepted:
        raise _bad_flag(f"this build of ds4-server has no flag --{name}")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _bad_flag(message: str) -> TrialError:
    return TrialError(Failure(FailureKind.BAD_FLAG, message))


def settings_in_log(log_text: str) -> dict[str, Setting]:
    """Context, backend and disk cache, as they are logged at the start."""
    found: dict[str, Setting] = {}
    if (context := _CONTEXT.search(log_text)) is not None:
        found |= {"ctx": int(context[1]), "backend": context[2].lower(), DISK: 0}
    if (disk := _DISK_CACHE.search(log_text)) is not None:
        found |= {name: int(disk[group]) for name, group in _NUMBERS.items()}
        found["kv-cache-reject-different-quant"] = disk["quant"] == "reject"
    return found
