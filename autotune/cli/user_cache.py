"""Where a person's cache is: what is there can be deleted at any time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def user_cache(environ: Mapping[str, str]) -> Path:
    """``$XDG_CACHE_HOME/autotune``, by default ``~/.cache/autotune``; it may not exist yet.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification asks.
    """
    named = environ.get("XDG_CACHE_HOME", "")
    if named.startswith("/"):
        return Path(named) / "autotune"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "autotune"


def noise_folder(environ: Mapping[str, str]) -> Path:
    """Where the machine's noise floors are kept."""
    return user_cache(environ) / "noise"


def lock_folder(environ: Mapping[str, str]) -> Path:
    """Where GPUs are held, one file each, by nights and by workers alike."""
    return user_cache(environ) / "nightly" / "locks"


def probe_folder(environ: Mapping[str, str]) -> Path:
    """Where it is remembered what engines say of themselves."""
    return user_cache(environ) / "probes"
