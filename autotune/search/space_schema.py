"""JSON schemas of search spaces and of GPU profiles, for editors and other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from autotune.hardware.profile_file import ProfileFile
from autotune.search.space_entries import Overlay, SpaceFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def space_schema() -> str:
    """Of a search space, as it is published: two spaces, a newline at the end."""
    schema = SpaceFile.model_json_schema(by_alias=True)
    entry = schema["$defs"]["ParameterEntry"]
    # Either will do, and pydantic knows that only from a function.
    entry["anyOf"] = [{"required": ["choices"]}, {"required": ["range"]}]
    return _published(schema)


def profile_schema() -> str:
    """Of a GPU profile, with what may stand under ``[engines.NAME]``; published likewise."""
    schema = ProfileFile.model_json_schema(by_alias=True)
    overlay = Overlay.model_json_schema(by_alias=True)
    definitions = {**schema.get("$defs", {}), **overlay.pop("$defs", {}), "Overlay": overlay}
    schema["$defs"] = definitions
    schema["properties"]["engines"] = {
        "title": "Engines",
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/Overlay"},
    }
    return _published(schema)


def _published(schema: dict[str, Any]) -> str:
    for part in _parts(schema):
        if "description" in part:  # as Python has it, broken into lines
            part["description"] = " ".join(str(part["description"]).split())
    return json.dumps({"$schema": _DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from schema.get("$defs", {}).values()
