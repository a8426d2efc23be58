"""Reads a search space from TOML, and the overlays that GPU profiles lay over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from autotune.errors import UserError
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import chain
from autotune.search.space_build import build_space
from autotune.search.space_entries import (
    ForbidEntry,
    Overlay,
    ParameterEntry,
    SpaceFile,
    StartEntry,
    Values,
)

__all__ = [
    "ForbidEntry",
    "Overlay",
    "ParameterEntry",
    "SpaceFile",
    "StartEntry",
    "Values",
    "build_space",
    "overlay_on",
    "read_space_file",
    "shipped_overlay",
    "shipped_space",
]

FileT = TypeVar("FileT", bound=BaseModel)


def read_space_file(path: Path) -> SpaceFile:
    """The space in `path`. Raises `UserError` naming the first thing that is wrong."""
    return _parse(SpaceFile, path.read_text(encoding="utf-8"), str(path))


def shipped_space(engine: str) -> SpaceFile:
    """The space that comes with autotune for `engine`. Raises `UserError` if there is none."""
    folder = resources.files("autotune.search_spaces") / "data"
    source = folder / f"{engine}.toml"
    if not source.is_file():
        known = sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.is_file())
        raise UserError(
            f"no search space is shipped for engine {engine!r}",
            f"there is one for: {', '.join(known)}; name your own in the engine's manifest",
        )
    return _parse(SpaceFile, source.read_text(encoding="utf-8"), f"{engine}.toml")


def shipped_overlay(engine: str, profile: str) -> Overlay | None:
    """What the GPU profile `profile` and those it inherits from say of `engine`.

    ``None`` when nothing differs there. Raises `UserError` naming the profile that is wrong.
    """
    files = [(name, shipped_files()[name]) for name in chain(profile)]
    tables = [(name, file.engines[engine]) for name, file in files if engine in file.engines]
    return _laid([_overlay(table, name, engine) for name, table in tables])


def overlay_on(file: SpaceFile, profile: str) -> Overlay | None:
    """What the GPU profile `profile` says of the space in `file`, its own ``[gpus.NAME]`` included.

    In one profile the file's own word comes last. ``None`` when nothing differs there. Raises
    `UserError` like `shipped_overlay`.
    """
    found = []
    for name in chain(profile):
        found += [file.gpus[name]] if name in file.gpus else []
        tables = shipped_files()[name].engines
        found += [_overlay(tables[file.engine], name, file.engine)] if file.engine in tables else []
    return _laid(found)


def _overlay(table: Mapping[str, Any], profile: str, engine: str) -> Overlay:
    return _checked(Overlay, table, f"gpus/{profile}.toml: engines.{engine}")


def _laid(overlays: Sequence[Overlay]) -> Overlay | None:
    """All of them in one, the most particular first."""
    return reduce(Overlay.over, overlays) if overlays else None


def _parse(kind: type[FileT], text: str, where: str) -> FileT:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}", "mend the line it names") from None
    return _checked(kind, table, where)


def _checked(kind: type[FileT], table: Mapping[str, Any], where: str) -> FileT:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{where}: {place}: {first['msg']}", "see docs/search-spaces.md for what is allowed"
        ) from None
