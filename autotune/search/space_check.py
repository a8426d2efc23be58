"""The linter of search spaces: every fault of a space and of its overlays, each in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from autotune.errors import UserError
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import chain
from autotune.launchers.spelling import Standing
from autotune.search.space_check_entries import entry_faults
from autotune.search.space_check_overlays import overlay_faults
from autotune.search.space_check_relations import forbid_faults, relation_faults
from autotune.search.space_check_starts import start_faults
from autotune.search.space_entries import Overlay, SpaceFile
from autotune.search.space_faults import Checked, Fault
from autotune.search.space_file import overlay_on
from autotune.search.standing import SpaceStanding

__all__ = ["Fault", "check_space", "faults_of_file", "standing_faults"]


def check_space(file: SpaceFile, where: str) -> tuple[Fault, ...]:
    """Every fault of `file`, and of what the shipped GPU profiles and its own lay over it.

    `where` is what the file is called in them. Raises `UserError` for a shipped profile that is not
    in the language at all.
    """
    own, whole, chains = _overlays(file)
    space = Checked(file, where, whole)
    defaults = {name: entry.default for name, entry in file.parameters.items()}
    return (
        *_of_the_file(space),
        *entry_faults(space),
        *relation_faults(space),
        *forbid_faults(space),
        *start_faults(space, where, file.start, defaults),
        *overlay_faults(space, own, chains),
    )


def _of_the_file(space: Checked) -> Iterator[Fault]:
    file = space.file
    if not file.parameters:
        yield Fault(space.where, "", "it has no parameters")
    for profile in file.gpus:
        if profile not in shipped_files():
            known = ", ".join(sorted(shipped_files()))
            yield Fault(
                space.where, f"gpus.{profile}", f"there is no such profile; there are {known}"
            )


def _overlays(
    file: SpaceFile,
) -> tuple[dict[str, Overlay], dict[str, Overlay], Mapping[str, tuple[str, ...]]]:
    """By profile: what it says itself, what it comes to with all it inherits, and its chain."""
    chains = {name: tuple(chain(name)) for name in shipped_files()}
    own, whole = {}, {}
    for name in chains:
        table = shipped_files()[name].engines.get(file.engine)
        said = [Overlay.model_validate(table)] if table is not None else []
        said += [file.gpus[name]] if name in file.gpus else []
        if said:
            own[name] = said[0] if len(said) == 1 else said[1].over(said[0])
        laid = overlay_on(file, name)
        if laid is not None:
            whole[name] = laid
    return own, whole, chains


def standing_faults(standing: SpaceStanding, build: str, where: str) -> tuple[Fault, ...]:
    """What the installed `build` of the engine has not, of a space that was held against it."""
    found = []
    for row in standing.rows:
        told = row.spelling
        if told.standing in (Standing.REMOVED, Standing.UNKNOWN):
            advice = f"; {told.advice}" if told.advice else ""
            reason = f"{build} has no such flag ({told.standing.value}){advice}"
            found.append(Fault(where, told.setting, reason))
        elif row.refused:
            reason = f"{build} does not take {', '.join(row.refused)}"
            found.append(Fault(where, told.setting, reason))
    return tuple(found)


def faults_of_file(path: Path) -> tuple[SpaceFile | None, tuple[Fault, ...]]:
    """The space in `path`, and everything that is wrong with it.

    The space is ``None`` where it is so wrong that it cannot be read. Raises `UserError` for a file
    that is not there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "give a search space, a .toml") from None
    try:
        file = SpaceFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        return None, (Fault(path.name, "", f"not TOML: {error}"),)
    except ValidationError as error:
        return None, tuple(_misread(path.name, error))
    return file, check_space(file, path.name)


def _misread(where: str, error: ValidationError) -> Iterator[Fault]:
    for found in error.errors():
        at = [str(part) for part in found["loc"]]
        yield Fault(where, ".".join(at), found["msg"].removeprefix("Value error, "))
