"""A search space beside one build of an engine: what it accepts, under which names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autotune.errors import UserError
from autotune.launchers.protocol import EngineBuild, Launcher
from autotune.launchers.spelling import Spelling, Standing, spelling_of
from autotune.search.space_file import SpaceFile, read_space_file, shipped_space


def space_file_of(launcher: Launcher) -> SpaceFile:
    """The search space that goes with an engine: shipped, or its manifest's own.

    Raises `UserError` where it names none, or one that is not there.
    """
    name = launcher.search_space
    if name is None:
        raise UserError(
            f"engine {launcher.name} has no search space", "name one in its manifest: search_space"
        )
    own = Path(name)
    if own.suffix != ".toml":
        return shipped_space(name)
    if not own.is_file():
        raise UserError(f"there is no search space {own}", "mend search_space in the manifest")
    return read_space_file(own)


@dataclass(frozen=True, slots=True)
class ParameterStanding:
    """One parameter and what the build calls it; `refused` are values that it has not.

    `searched` is false for one that is only searched where somebody asks for it.
    """

    spelling: Spelling
    refused: tuple[str, ...] = ()
    searched: bool = True

    @property
    def accepted(self) -> bool:
        """Whether it can be tuned on this build."""
        return self.spelling.known


@dataclass(frozen=True, slots=True)
class SpaceStanding:
    """A whole search space beside a build."""

    space: str
    rows: tuple[ParameterStanding, ...]

    @property
    def accepted(self) -> int | None:
        """How many parameters can be tuned; ``None`` where the engine does not list its flags."""
        if any(row.spelling.standing is Standing.UNTOLD for row in self.rows):
            return None
        return sum(row.accepted for row in self.rows)

    def count(self, standing: Standing) -> int:
        """How many parameters stand like that."""
        return sum(row.spelling.standing is standing for row in self.rows)


def space_standing(launcher: Launcher, build: EngineBuild) -> SpaceStanding:
    """Every parameter of the engine's search space beside `build`. Raises as `space_file_of`."""
    return file_standing(space_file_of(launcher), launcher, build)


def file_standing(file: SpaceFile, launcher: Launcher, build: EngineBuild) -> SpaceStanding:
    """Every parameter of `file` beside `build`."""
    rows = []
    for name, entry in file.parameters.items():
        told = spelling_of(launcher, build, name, entry.default)
        values = [v for v in entry.every_choice if not str(v).startswith("@")]
        refused = tuple(str(v) for v in values if told.known and not told.takes(v))
        rows.append(ParameterStanding(told, refused, entry.searched))
    return SpaceStanding(launcher.search_space or "", tuple(rows))
