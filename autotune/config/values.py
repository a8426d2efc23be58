"""How a person writes a value: durations, token counts and pinned flags."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from autotune.candidate import Setting, number_from, setting_from

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_TOKENS = re.compile(r"(\d+(?:\.\d+)?)(k?)", re.IGNORECASE)
_ENGINE = r"(?:[A-Za-z0-9][A-Za-z0-9._-]*|[^=,]+\.toml)"
_ENGINE_PATH = re.compile(rf"({_ENGINE})=(.+)", re.DOTALL)
_NEXT_ENGINE = re.compile(rf",(?={_ENGINE}=)")

EVERY_ENGINE = ""
"""The key of a path that is not of one engine."""


def parse_duration(value: Any) -> Any:
    """Seconds of ``90s``, ``10m``, ``2h`` or ``1h30m``; a plain number is seconds already.

    Raises `PydanticCustomError` with a hint when it is none of these.
    """
    number: Any = value
    if isinstance(value, str):
        text = value.strip().lower().replace(" ", "")
        if _DURATION.fullmatch(text):
            return sum(float(n) * _UNIT_SECONDS[u] for n, u in _DURATION_PART.findall(text))
        number = number_from(text)
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


def parse_share(value: Any) -> Any:
    """A share of ``10%`` or ``0.1``.

    Raises `PydanticCustomError` with a hint when it is neither, and for a number above 1 without
    its sign: whether 10 is a tenth or ten times is not guessed.
    """
    text = value.strip() if isinstance(value, str) else value
    percent = isinstance(text, str) and text.endswith("%")
    number: Any = number_from(text.removesuffix("%").strip()) if isinstance(text, str) else text
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise _complaint(f"{value!r} is not a share", "write it like 10% or 0.1")
    if not percent and number > 1:
        raise _complaint(f"{value!r} is more than the whole", f"write {number:g}% if that is meant")
    return number / 100 if percent else float(number)


def parse_pins(value: Any) -> Any:
    """``flag=value`` pairs as a mapping of settings by flag name without dashes.

    ``engine:flag`` is of one engine. Takes a mapping (a TOML table, in which an engine may have a
    table of its own), a JSON object or list, a list of ``flag=value``, or text with pairs separated
    by white space (an environment variable). Text values become what they look
    like: ``true`` and ``false`` are switches, ``2048`` a whole number, ``0.5`` a number.
    """
    if isinstance(value, str):
        value = _decoded(value)
    if isinstance(value, Mapping):
        return {_flag_name(name): _setting(v) for name, v in _flat(value)}
    if isinstance(value, list):
        return dict(_pair(str(item)) for item in value)
    raise _complaint(f"{value!r} is not flag=value", "write it like --set batch-size=512")


def _flat(table: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """Rows of a table; a table in it is of one engine: ``{vllm = {a = 1}}`` is ``vllm:a``."""
    rows: list[tuple[str, Any]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}:{inner}", setting) for inner, setting in value.items()]
        else:
            rows.append((str(name), value))
    return rows


def parse_tables(value: Any) -> Any:
    """``[space.parameters.NAME]`` as tables by parameter, whose name may be ``engine:flag``.

    Takes the ``[space]`` table with ``parameters`` in it, or a JSON object. What may stand in a
    parameter's table is the search space's to say. Raises `PydanticCustomError` for anything else.
    """
    if isinstance(value, str):
        value = _decoded(value)
    if not isinstance(value, Mapping) or not set(value) <= {"parameters"}:
        raise _complaint("space holds parameters only", "write it like [space.parameters.NAME]")
    tables = value.get("parameters", {})
    if not isinstance(tables, Mapping) or not all(isinstance(t, Mapping) for t in tables.values()):
        raise _complaint(
            "space.parameters holds a table for each parameter",
            "write it like [space.parameters.batch-size] and choices = [512, 1024]",
        )
    return {"parameters": {_flag_name(str(name)): dict(t) for name, t in tables.items()}}


def parse_engine_paths(value: Any) -> Any:
    """Paths by engine; one that is for every engine stands under `EVERY_ENGINE`.

    Takes a path, ``engine=path`` with commas between several, a list of these (a repeated flag)
    or a mapping (a TOML table). A file name with a ``=`` in it is written ``./a=b``.
    """
    if isinstance(value, str):
        value = _decoded_list(value)
    if isinstance(value, Mapping):
        return {str(name): Path(str(path)) for name, path in value.items()}
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, Path)) and str(item) for item in items):
        raise _complaint(f"{value!r} is not a path", "write PATH, or ENGINE=PATH for one engine")
    return dict(_engine_path(text) for item in items for text in _NEXT_ENGINE.split(str(item)))


def _decoded_list(text: str) -> Any:
    """A JSON list or object, else the text itself, which may be a path that begins with a brace."""
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _engine_path(text: str) -> tuple[str, Path]:
    found = _ENGINE_PATH.fullmatch(text)
    return (EVERY_ENGINE, Path(text)) if found is None else (found[1], Path(found[2]))


def _shown_paths(paths: Mapping[str, Path]) -> Any:
    """The one path, or the table, as a person wrote them."""
    if set(paths) == {EVERY_ENGINE}:
        return str(paths[EVERY_ENGINE])
    return {name or "every engine": str(path) for name, path in paths.items()}


def parse_paths(value: Any) -> Any:
    """Paths with commas between them, also from a list (TOML, a repeated flag)."""
    if isinstance(value, str):
        value = _decoded(value) if value.lstrip().startswith("[") else value.split(",")
    return value


def parse_engine_names(value: Any) -> Any:
    """Names of engines with commas between them, also from a list (TOML)."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return ",".join(value)
    return value


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
    return setting_from(value)


def _complaint(problem: str, hint: str) -> PydanticCustomError:
    """An error whose hint the command line shows on a line of its own."""
    return PydanticCustomError("autotune", "{problem}", {"problem": problem, "hint": hint})


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written as ``90s``, ``10m`` or ``2h``."""

Tokens = Annotated[int, BeforeValidator(parse_tokens)]
"""A number of tokens, written as ``30000`` or ``30k``."""

Share = Annotated[float, BeforeValidator(parse_share)]
"""A part of a whole, written as ``10%`` or ``0.1``."""

Pins = Annotated[dict[str, bool | int | float | str], BeforeValidator(parse_pins)]
"""Settings by flag name without dashes; ``flag+`` adds a value to those that are searched."""

Tables = Annotated[dict[str, dict[str, dict[str, Any]]], BeforeValidator(parse_tables)]
"""``{"parameters": {NAME: table}}``, see `parse_tables`."""

EnginePaths = Annotated[
    dict[str, Path], BeforeValidator(parse_engine_paths), PlainSerializer(_shown_paths)
]
"""Paths by engine, see `parse_engine_paths`."""

Paths = Annotated[tuple[Path, ...], BeforeValidator(parse_paths)]
"""Files or folders."""

EngineNames = Annotated[str, BeforeValidator(parse_engine_names)]
"""One engine, or several with commas between them."""
