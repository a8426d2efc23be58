"""Numbers as a person reads them. Absent is a dash, never a zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSENT = "–"


def number(value: float | None) -> str:
    """Three digits that count: ``0.042``, ``1.23``, ``45.6``, ``1234``."""
    if value is None:
        return ABSENT
    size = abs(value)
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:.{digits}f}"


def times(ratio: float | None) -> str:
    """A ratio: ``1.36x``."""
    return ABSENT if ratio is None else f"{ratio:.2f}x"


def share(value: float | None) -> str:
    """A share of 1 in percent."""
    return ABSENT if value is None else f"{value:.0%}"


def duration(seconds: float | None) -> str:
    """``42s``, ``3m 20s``, ``2h 05m``."""
    if seconds is None:
        return ABSENT
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def faster(before: float | None, after: float | None) -> float | None:
    """How many times shorter `after` is than `before` (both seconds); ``None`` if unknown."""
    if before is None or after is None or after <= 0:
        return None
    return before / after


def setting(value: Any) -> str:
    """One setting's value: switches are on or off, ``(old, new)`` is an arrow."""
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return f"{setting(value[0])} → {setting(value[1])}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "left out" if value is None else str(value)


def changes(settings: Mapping[str, Any]) -> str:
    """What differs from the baseline, on one line."""
    if not settings:
        return "the engine's defaults"
    return ", ".join(f"{name}={setting(value)}" for name, value in settings.items())


def plural(count: int, word: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
