"""oMLX's settings: flags of ``omlx serve``, and those that only its settings files know.

Settings without a flag go by their place in ``settings.json``, ``section.key``; those of the model
itself by ``model_settings.key``. Facts are of 0.7: ``omlx/cli.py`` and ``omlx/settings.py``.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.http import dig
from autotune.launchers.read_back import as_setting, settings_in

ALWAYS: Mapping[str, Setting] = {"sse-keepalive-mode": "comment"}
"""Stated on every launch where the build has it: otherwise keep-alives look like replies."""

SECTIONS = frozenset({"server", "scheduler", "cache", "memory", "sampling", "model_settings"})
"""Parts of the settings files that a candidate may set."""

RESERVED = (
    "model-dir",
    "host",
    "port",
    "base-path",
    "no-cache",
    "paged-ssd-cache-dir",
    "log-level",
    "api-key",
    "mcp-config",
    "hf-*",
    "ms-endpoint",
    "*-proxy",
    "ca-bundle",
    "server.host",
    "server.port",
    "server.log_level",
    "cache.enabled",
    "cache.ssd_cache_dir",
    "model_settings.model_alias",
    "model_settings.is_default",
)
"""What a launch says itself."""

_CACHES = ("paged-ssd-cache-*", "hot-cache-*", "initial-cache-blocks", "cache.*")
"""Settings of the prefix cache: nothing of it is left in the cold arm."""

_PLACES: Mapping[str, str] = {
    "sse-keepalive-mode": "server.sse_keepalive_mode",
    "max-concurrent-requests": "scheduler.max_concurrent_requests",
    "embedding-batch-size": "scheduler.embedding_batch_size",
    "paged-ssd-cache-max-size": "cache.ssd_cache_max_size",
    "hot-cache-max-size": "cache.hot_cache_max_size",
    "hot-cache-write-through": "cache.hot_cache_write_through",
    "initial-cache-blocks": "cache.initial_cache_blocks",
    "memory-guard-gb": "memory.memory_guard_custom_ceiling_gb",
}
"""Where the engine writes down what a flag said."""

_NO_CACHE = re.compile(r"^Mode: .*\(no oMLX cache", re.MULTILINE)


def asked_settings(settings: Mapping[str, Setting], *, cold: bool) -> dict[str, Setting]:
    """What of `settings` the engine is told; `cold` takes its cache away."""
    if not cold:
        return dict(settings)
    kept = {name: value for name, value in settings.items() if not matches(name, _CACHES)}
    return {**kept, "no-cache": True}


def in_files(name: str) -> bool:
    """Whether a setting is one of the settings files."""
    return "." in name


def check(name: str, accepted: frozenset[str]) -> None:
    """Raise `TrialError` (``BAD_FLAG``) for a setting that is refused or that the build lacks."""
    if matches(name, RESERVED):
        raise _bad_flag(f"{name} is set by autotune and may not be tuned")
    if in_files(name):
        if name.partition(".")[0] not in SECTIONS:
            raise _bad_flag(f"{name} is in no part of oMLX's settings that may be tuned")
    elif accepted and name not in accepted:
        raise _bad_flag(f"this build of oMLX has no flag --{name}")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether `name` is one of the globs."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _bad_flag(message: str) -> TrialError:
    return TrialError(Failure(FailureKind.BAD_FLAG, message))


def global_file(settings: Mapping[str, Setting], own: Mapping[str, Any]) -> dict[str, Any]:
    """``settings.json``: `own` sections, and those settings of the candidate that belong there."""
    document: dict[str, Any] = {name: dict(table) for name, table in own.items()}
    for name, value in settings.items():
        section, _, key = name.partition(".")
        if key and section != "model_settings":
            document.setdefault(section, {})[key] = value
    return {"version": "1.0", **document} if document else {}


def model_file(
    settings: Mapping[str, Setting], model: str, own: Mapping[str, Any]
) -> dict[str, Any]:
    """``model_settings.json``: `own` entries, and those of the candidate, for one model."""
    prefix = "model_settings."
    chosen = {n.removeprefix(prefix): v for n, v in settings.items() if n.startswith(prefix)}
    entries = {**own, **chosen}
    return {"version": 1, "models": {model: entries}} if entries else {}


def text_of_file(document: Mapping[str, Any]) -> str:
    """As oMLX writes it."""
    return json.dumps(document, indent=2)


def settings_written(document: Any, port: int) -> dict[str, Setting]:
    """The settings in a ``settings.json`` that the engine wrote after it read its command line.

    Empty for the file that was there before it started: that one names no port.
    """
    if dig(document, "server.port") != port:
        return {}
    sections = SECTIONS - {"model_settings"}
    found = {
        name: value
        for section in sorted(sections)
        for key, value in settings_in(dig(document, section)).items()
        if not matches(name := f"{section}.{key}", RESERVED)
    }
    flags = {flag: as_setting(dig(document, place)) for flag, place in _PLACES.items()}
    told = {flag: value for flag, value in flags.items() if value is not None}
    return {**found, **told, **_guard(document), **_no_cache(document)}


def _guard(document: Any) -> dict[str, Setting]:
    """One flag stands for a switch and a tier."""
    if dig(document, "memory.prefill_memory_guard") is False:
        return {"memory-guard": "off"}
    tier = as_setting(dig(document, "memory.memory_guard_tier"))
    return {} if tier is None else {"memory-guard": tier}


def _no_cache(document: Any) -> dict[str, Setting]:
    """Older builds do not write it down; see `cache_in_log`."""
    return {"no-cache": True} if dig(document, "cache.enabled") is False else {}


def cache_in_log(log_text: str) -> dict[str, Setting]:
    """Whether the log says that there is no cache."""
    return {"no-cache": True} if _NO_CACHE.search(log_text) else {}
