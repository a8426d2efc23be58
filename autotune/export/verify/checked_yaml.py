"""YAML read back as its reader would, against the rules of what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A mapping in which nothing may stand that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CamelPart(Part):
    """The same, of keys in camel case: ``health_check`` is read from ``healthCheck``."""

    model_config = ConfigDict(alias_generator=to_camel)


def documents(text: str) -> tuple[list[Any], tuple[str, ...]]:
    """The documents of a file, and what is wrong with it as YAML."""
    try:
        return list(yaml.safe_load_all(text)), ()
    except yaml.YAMLError as error:
        return [], (f"not YAML: {' '.join(str(error).split())}",)


def faults(kind: type[BaseModel], data: Any) -> tuple[str, ...]:
    """What keeps `data` from being a `kind`: ``services.web.ports: Input should be ...``."""
    try:
        kind.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return tuple(_fault(detail["loc"], detail["msg"]) for detail in found)
    return ()


def _fault(where: Sequence[str | int], what: str) -> str:
    path = ".".join(str(part) for part in where)
    return f"{path}: {what}" if path else what


VARIABLES = "the environment"
"""What `same_words` calls the variables of a file."""


def same_words(
    found: Sequence[str], wanted: Sequence[str], of: str = "the command"
) -> tuple[str, ...]:
    """A problem for the first word of something that is not as it was tuned."""
    for at, (word, other) in enumerate(zip(found, wanted, strict=False)):
        if word != other:
            return (f"word {at} of {of} is {word!r}, tuned was {other!r}",)
    if len(found) != len(wanted):
        return (f"{of} has {len(found)} words, tuned were {len(wanted)}",)
    return ()
