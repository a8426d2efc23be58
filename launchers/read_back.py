"""Text and JSON that an engine reports, as settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from autotune.candidate import Setting


def as_setting(value: Any) -> Setting | None:
    """A JSON value as a setting: text that is a number becomes one; anything else is ``None``."""
    if isinstance(value, str):
        return _number(value)
    if isinstance(value, (bool, int, float)):
        return value
    return None


def _number(text: str) -> Setting:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def settings_in(value: Any) -> dict[str, Setting]:
    """The entries of a JSON object that are settings."""
    if not isinstance(value, Mapping):
        return {}
    pairs = ((str(k), as_setting(v)) for k, v in value.items())
    return {k: v for k, v in pairs if v is not None}


def last_match(pattern: str, log_text: str) -> str | None:
    """The first group of the last match, or the whole match where there is no group."""
    matches = list(re.finditer(pattern, log_text, re.MULTILINE))
    if not matches:
        return None
    found = matches[-1]
    return found[1] if found.re.groups else found[0]


def parsed(text: str | None) -> Any:
    """JSON where it is JSON, else the text itself."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
