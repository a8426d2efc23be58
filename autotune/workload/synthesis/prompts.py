"""System prompt, tools and tasks of the made-up agent, cut to a size."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from autotune.workload.synthesis.project import PATHS
from autotune.workload.synthesis.words import (
    AREAS,
    LAYERS,
    fill,
    phrase,
    sentence,
    sentences,
)

_INTRO = (
    "You are a coding agent that works in a repository on behalf of its maintainer. Read before "
    "you change anything, keep changes small, run the tests after every change, and stop when "
    "the task is done."
)

_RULES = (
    "Prefer reading whole functions over single lines.",
    "Never invent a path: list the folder or search for the name first.",
    "Explain a change in one or two sentences before you make it.",
    "When a test fails, read the failing lines before editing again.",
    "Leave formatting alone unless the task is about formatting.",
    "Ask for nothing that you can find out with a tool.",
)

_TOOLS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "read_files",
        "Read one or more files with line numbers.",
        {"paths": "array", "offset": "integer"},
    ),
    ("run_tests", "Run the test suite and return its log.", {"target": "string"}),
    (
        "edit_file",
        "Replace an exact piece of text in a file by another.",
        {"path": "string", "old_text": "string", "new_text": "string"},
    ),
    ("search", "Search the repository for a word.", {"pattern": "string", "path": "string"}),
    ("list_files", "List the files of a folder with their sizes.", {"path": "string"}),
    ("show_diff", "Show every change that is not committed yet.", {"path": "string"}),
    (
        "delegate",
        "Hand a separate piece of work to a second agent and wait for its report.",
        {"description": "string", "prompt": "string"},
    ),
)


def tools(rng: Random, chars: int) -> tuple[Mapping[str, Any], ...]:
    """The agent's tools with schemas; descriptions grow until their JSON has about `chars`."""
    bare = [_tool(name, text, parameters, "") for name, text, parameters in _TOOLS]
    room = max(0, chars - _json_chars(bare)) // len(_TOOLS)
    return tuple(
        _tool(name, text, parameters, fill(sentences(rng), room - 1, " "))
        for name, text, parameters in _TOOLS
    )


def _tool(name: str, text: str, parameters: Mapping[str, str], more: str) -> dict[str, Any]:
    properties = {key: _property(key, kind) for key, kind in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": [next(iter(parameters))]}
    described = f"{text} {more}".strip()
    function = {"name": name, "description": described, "parameters": schema}
    return {"type": "function", "function": function}


def _property(key: str, kind: str) -> dict[str, Any]:
    if kind == "array":
        return {"type": "array", "items": {"type": "string"}}
    return {"type": kind}


def _json_chars(values: list[dict[str, Any]]) -> int:
    return len(json.dumps(values, separators=(",", ":")))


def system_prompt(rng: Random, chars: int) -> str:
    """The system prompt, about `chars` long: rules, the lay of the land, conventions."""
    return fill(_system_lines(rng), chars, "\n")


def _system_lines(rng: Random) -> Iterator[str]:
    yield _INTRO
    yield "\n# Rules"
    yield from (f"- {rule}" for rule in _RULES)
    yield "\n# Layout"
    for area in AREAS:
        yield f"- src/shop/{area} holds the modules {', '.join(LAYERS[:-1])} and {LAYERS[-1]}"
    yield "\n# Conventions"
    while True:
        yield f"- {sentence(rng)}"


def task(rng: Random, chars: int) -> str:
    """A user's request, about `chars` long."""
    opening = f"Please fix the {phrase(rng)} in {rng.choice(PATHS)}."
    return fill(_from(opening, rng), max(chars, len(opening)), " ")


def _from(opening: str, rng: Random) -> Iterator[str]:
    yield opening
    yield from sentences(rng)
