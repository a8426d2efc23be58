"""How a person writes a value: durations, token counts and pinned flags."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from autotune.candidate import Setting

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_TOKENS = re.compile(r"(\d+(?:\.\d+)?)(k?)", re.IGNORECASE)


def parse_duration(value: Any) -> Any:
    """Seconds of ``90s``, ``10m``, ``2h`` or ``1h30m``; a plain number is seconds already.

    Raises `PydanticCustomError` with a hint when it is none of these.
    """
    number: Any = value
    if isinstance(value, str):
        text = value.strip().lower().replace(" ", "")
        if _DURATION.fullmatch(text):
            return sum(float(n) * _UNIT_SECONDS[u] for n, u in _DURATION_PART.findall(text))
        number = _number(text)
    if (
        isinstance(number, bool)
        or not isinstance(number, (int, float))
        or not math.isfinite(number)
    ):
        raise _complaint(f"{value!r} is not a duration", "write it like 90s, 10m, 2h or 1h30m")
    return float(number)


def parse_tokens(value: Any) -> Any:
    """Tokens of ``30000`` or ``30k`` (thousands, not 1024). Anything else is left to pydantic."""
    if isinstance(value, str) and (match := _TOKENS.fullmatch(value.strip())):
        number = float(match[1]) * (1000 if match[2] else 1)
        return int(number) if number.is_integer() else value
    return value


def parse_pins(value: Any) -> Any:
    """``flag=value`` pairs as a mapping of settings by flag name without dashes.

    Takes a mapping (a TOML table), a JSON object or list, a list of ``flag=value``, or text with
    pairs separated by white space (an environment variable). Text values become what they look
    like: ``true`` and ``false`` are switches, ``2048`` a whole number, ``0.5`` a number.
    """
    if isinstance(value, str):
        value = _decoded(value)
    if isinstance(value, Mapping):
        return {_flag_name(str(k)): _setting(v) for k, v in value.items()}
    if isinstance(value, list):
        return dict(_pair(str(item)) for item in value)
    raise _complaint(f"{value!r} is not flag=value", "write it like --set batch-size=512")


def _decoded(text: str) -> Any:
    """JSON where `text` is a JSON list or object, else its words."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise _complaint(f"not JSON: {error.msg}", "write flag=value pairs instead") from None
    return text.split()


def _pair(text: str) -> tuple[str, Setting]:
    name, equals, value = text.partition("=")
    if not equals or not _flag_name(name):
        raise _complaint(f"{text!r} is not flag=value", "write it like --set batch-size=512")
    return _flag_name(name), _setting(value)


def _flag_name(text: str) -> str:
    return text.strip().lstrip("-")


def _setting(value: Any) -> Setting:
    """The setting that `value` looks like; tables, lists and nulls are refused."""
    if isinstance(value, (bool, int, float)):
        return value
    if not isinstance(value, str):
        raise _complaint(f"{value!r} is not a value of a flag", "use text, a number or true/false")
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    number = _number(value)
    return value if number is None else number


def _number(text: str) -> int | float | None:
    """The finite number that `text` is, or ``None``."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None


def _complaint(problem: str, hint: str) -> PydanticCustomError:
    """An error whose hint the command line shows on a line of its own."""
    return PydanticCustomError("autotune", "{problem}", {"problem": problem, "hint": hint})


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written as ``90s``, ``10m`` or ``2h``."""

Tokens = Annotated[int, BeforeValidator(parse_tokens)]
"""A number of tokens, written as ``30000`` or ``30k``."""

Pins = Annotated[dict[str, bool | int | float | str], BeforeValidator(parse_pins)]
"""Settings that the search must not touch, by flag name without dashes."""
