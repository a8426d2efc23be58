"""Doctor's check of settings that reach an engine without being asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from autotune.hardware.check import Check, fail, ok, warn

NAME = "hidden settings"


def check_hidden_settings(
    *,
    system_files: Iterable[Path],
    user_files: Iterable[Path],
    environment: Mapping[str, str],
    prefixes: tuple[str, ...],
    names: frozenset[str] = frozenset(),
) -> list[Check]:
    """Config files and variables that engines read by themselves.

    A system file reaches every launch, ours too: that fails. A user's file and variables (those in
    `names`, or that begin with one of `prefixes`) do not reach ours, since we launch with a home
    and an environment of their own, but they shape the server that the user runs: that warns.
    Values are never shown, for they may be secrets.
    """
    checks = [_system(path) for path in system_files if path.is_file()]
    checks += [_user(path) for path in user_files if path.is_file()]
    found = sorted(n for n in environment if n in names or n.startswith(prefixes))
    if found:
        fix = "unset them; put what you want into the settings that autotune tunes"
        message = f"{', '.join(found)} set here; not passed on to trials, but to your own server"
        checks.append(warn(NAME, message, fix))
    return checks or [ok(NAME, "no config files, no variables that engines read")]


def _system(path: Path) -> Check:
    fix = f"move it away while autotune measures: sudo mv {path} {path}.off"
    return fail(NAME, f"{path} changes every launch and cannot be kept out", fix)


def _user(path: Path) -> Check:
    fix = "move it away, or remember that the default measured here is the engine's own"
    return warn(NAME, f"{path} shapes your own server, not the trials", fix)
