"""Values of a log as numbers, times and texts: what is not one is absent. Nothing here raises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_COUNT = 2**40
"""No request has more tokens; larger numbers are damage and would not fit a float."""

_NANOSECONDS, _MICROSECONDS, _MILLISECONDS = 1e17, 1e14, 1e11
"""Times since 1970 above these are in that unit: in the next larger one they would lie after the
year 4000."""


def count(value: Any) -> int | None:
    """A number of tokens: whole, from 0 up, and no boolean."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def number(value: Any) -> float | None:
    """A finite number, and no boolean."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) <= 1e300 and math.isfinite(value) else None


def span_ms(value: Any) -> float | None:
    """A duration in ms, from 0 up; HAR writes -1 where there is none."""
    known = number(value)
    return known if known is not None and known >= 0 else None


def epoch_ms(value: Any) -> float | None:
    """A time in ms since 1970, UTC: from a date of ISO 8601, or a number whose size tells the unit.

    A date without a zone is UTC.
    """
    if isinstance(value, str):
        return _date_ms(value)
    known = number(value)
    if known is None or known <= 0:
        return None
    for least, per_ms in ((_NANOSECONDS, 1e6), (_MICROSECONDS, 1e3), (_MILLISECONDS, 1.0)):
        if known >= least:
            return known / per_ms
    return known * 1000.0


def _date_ms(text: str) -> float | None:
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    known = date if date.tzinfo else date.replace(tzinfo=UTC)
    return known.timestamp() * 1000.0


def text(value: Any) -> str | None:
    """A string that is not empty. Lone surrogates, which no file can hold, are written out."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def unpacked(value: Any) -> Any:
    """JSON that was put into a string, as loggers and databases do; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; anything else is an empty one."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def difference_ms(start_ms: float | None, end_ms: float | None) -> float | None:
    """From `start_ms` to `end_ms`; absent when one is, or when clocks ran backwards."""
    if start_ms is None or end_ms is None or end_ms < start_ms:
        return None
    return end_ms - start_ms
