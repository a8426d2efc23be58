"""Names that a log gives: of sessions and models, fit to be written as UTF-8."""

from __future__ import annotations

from typing import Any


def name_of(value: Any) -> str | None:
    """A text that is not empty and can be written; half a surrogate pair cannot."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
