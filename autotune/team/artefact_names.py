"""What an artefact may be called: a path below nothing, that cannot lead out of a folder."""

from __future__ import annotations

import re

from autotune.errors import UserError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")

MOST_CHARACTERS = 300
"""Of a name: with the study's folder before it, it is still a path that every system takes."""


def is_safe(name: str) -> bool:
    """Whether `name` may be joined to a folder: words with single slashes between, none hidden."""
    return len(name) <= MOST_CHARACTERS and all(_PART.fullmatch(part) for part in name.split("/"))


def safe_name(name: str) -> str:
    """`name` itself. Raises `UserError` for one that could lead out of a folder."""
    if not is_safe(name):
        raise UserError(
            f"{name!r} cannot name an artefact",
            "use letters, digits, dots, dashes and underscores, with slashes between",
        )
    return name


def safe_part(text: str) -> str:
    """`text` as one part of a name: whatever is not allowed becomes an underscore."""
    return _UNSAFE.sub("_", text).lstrip("._=+-") or "unnamed"
