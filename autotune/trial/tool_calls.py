"""A tool call as an engine wrote it: does it parse, what does it call, has it the keys it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotune.scoring.quality import CallOutcome

_ARGUMENTS = ("arguments", "parameters", "args", "input")


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """A call that is JSON. `name` is ``None`` where the text held the arguments alone."""

    name: str | None
    keys: frozenset[str]


def parse_call(text: str) -> ParsedCall | None:
    """The JSON object that `text` begins with; ``None`` when there is no whole one.

    ``{"name": ..., "arguments": {...}}`` is a call with its name, anything else its arguments.
    """
    try:
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    name = value.get("name")
    inner = next((value[key] for key in _ARGUMENTS if key in value), None)
    if not isinstance(name, str) or inner is None:
        return ParsedCall(None, frozenset(value))
    if isinstance(inner, str):
        inner = _loaded(inner)
    return ParsedCall(name, frozenset(inner)) if isinstance(inner, dict) else None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def required_keys(tools: Sequence[Mapping[str, Any]], name: str) -> frozenset[str] | None:
    """The keys that the definition of `name` demands; ``None`` where no such tool is defined."""
    for tool in tools:
        function = tool.get("function", tool)
        if isinstance(function, Mapping) and function.get("name") == name:
            schema = function.get("parameters") or function.get("input_schema") or {}
            required = schema.get("required") if isinstance(schema, Mapping) else None
            return frozenset(required) if isinstance(required, list | tuple) else frozenset()
    return None


def is_sound(call: ParsedCall | None, recorded: str, tools: Sequence[Mapping[str, Any]]) -> bool:
    """Whether `call` parses, names a tool that is defined and has the keys that it demands.

    A call without a name of its own is one of `recorded`. Without definitions any name will do.
    """
    if call is None:
        return False
    if not tools:
        return True
    required = required_keys(tools, call.name or recorded)
    return required is not None and required <= call.keys


def outcome(
    reference: str, candidate: str, recorded: str, tools: Sequence[Mapping[str, Any]]
) -> CallOutcome | None:
    """What became of the call; ``None`` where the reference settings did not make a sound one.

    `reference` and `candidate` are texts that begin with the call's first brace; `recorded` is
    the name in the capture.
    """
    before, after = parse_call(reference), parse_call(candidate)
    if before is None or not is_sound(before, recorded, tools):
        return None
    if after is None:
        return CallOutcome.BROKEN
    if after.name != before.name:
        return CallOutcome.RENAMED
    required = required_keys(tools, after.name or recorded) or frozenset()
    return CallOutcome.KEPT if required <= after.keys else CallOutcome.KEYS_LOST
