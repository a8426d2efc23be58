"""What a person sees when something is wrong: one ``error:`` line and one ``hint:`` line."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from autotune.cli.io import json_line
from autotune.errors import AutotuneError, ExitCode, UserError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from autotune.config.layers import Layers

_PROBLEMS = {
    "int_parsing": "{input!r} is not a whole number",
    "int_type": "{input!r} is not a whole number",
    "int_from_float": "{input!r} is not a whole number",
    "float_parsing": "{input!r} is not a number",
    "float_type": "{input!r} is not a number",
    "bool_parsing": "{input!r} is not true or false",
    "bool_type": "{input!r} is not true or false",
    "string_type": "{input!r} is not text",
    "path_type": "{input!r} is not a path",
    "greater_than": "{input} is too small, it must be above {gt}",
    "greater_than_equal": "{input} is too small, it must be at least {ge}",
    "less_than": "{input} is too large, it must be below {lt}",
    "less_than_equal": "{input} is too large, it must be at most {le}",
    "literal_error": "{input!r} is not one of {expected}",
    "missing": "missing",
    "autotune": "{problem}",
}


def report(error: AutotuneError, *, as_json: bool, debug: bool) -> int:
    """Prints `error` on stderr, as JSON on stdout too if asked, and gives the exit code."""
    if debug:
        traceback.print_exception(error)
    sys.stderr.write(f"error: {_one_line(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"hint: {_one_line(error.hint)}\n")
    sys.stderr.flush()
    if as_json:
        sys.stdout.write(json_line({"error": _error_object(error)}) + "\n")
    return int(error.exit_code)


def unexpected(error: Exception) -> AutotuneError:
    """A bug of ours, in the same two lines."""
    return AutotuneError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a bug in autotune; run it again with --debug and report what it prints",
    )


def _error_object(error: AutotuneError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint or None,
        "exit_code": int(ExitCode(error.exit_code)),
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def invalid(error: ValidationError, model: type[BaseModel], layers: Layers, prog: str) -> UserError:
    """The first problem of a `ValidationError`, in the user's terms."""
    detail = error.errors(include_url=False)[0]
    label = _label(detail, model, layers)
    problem = _problem(detail)
    hint = str(detail.get("ctx", {}).get("hint") or _guess(detail) or f"see {prog} --help")
    return UserError(f"{label}: {problem}" if label else problem, hint)


def _label(detail: ErrorDetails, model: type[BaseModel], layers: Layers) -> str:
    """Where the bad value was written; empty when the problem is of the whole command."""
    if not detail["loc"]:
        return ""
    key = str(detail["loc"][0])
    name = next((n for n, info in model.model_fields.items() if info.alias == key), key)
    origin = layers.origin(name)
    return origin.label if origin.kind != "default" else f"--{key.replace('_', '-')}"


def _problem(detail: ErrorDetails) -> str:
    template = _PROBLEMS.get(detail["type"])
    if template is None:
        return _first_lower(detail["msg"].removeprefix("Value error, "))
    return template.format(**{"input": detail.get("input"), **detail.get("ctx", {})})


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _guess(detail: ErrorDetails) -> str | None:
    """A near choice, where the value had to be one of a few."""
    if detail["type"] != "literal_error":
        return None
    from autotune.config.layers import closest

    expected = str(detail.get("ctx", {}).get("expected", ""))
    near = closest(
        str(detail.get("input")), expected.replace("'", "").replace(" or ", ", ").split(", ")
    )
    return f"did you mean {near}?" if near else None
