"""Reads a search space from TOML, lays a GPU profile over it and resolves its symbols."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import chain
from autotune.search.space import Parameter, Requirement, Space, Start

Scalar = bool | int | float | str
Values = Scalar | list[Scalar]
FileT = TypeVar("FileT", bound=BaseModel)
ValueT = TypeVar("ValueT")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ParameterEntry(_Strict):
    """One ``[parameters.NAME]`` table. Strings that begin with ``@`` are symbols."""

    choices: list[Scalar] = Field(min_length=1)
    default: Scalar
    concept: str
    about: str = ""
    unit: str = ""
    ordered: bool = False
    quality: bool = False
    requires: dict[str, Values] = Field(default_factory=dict)
    at_most: str | None = Field(None, alias="at-most")
    at_least: str | None = Field(None, alias="at-least")
    at_least_when: dict[str, Values] = Field(default_factory=dict, alias="at-least-when")
    per_slot_of: str | None = Field(None, alias="per-slot-of")
    shared_when: dict[str, Values] = Field(default_factory=dict, alias="shared-when")
    only_for: Literal["rolling-state"] | None = Field(None, alias="only-for")


class ForbidEntry(_Strict):
    """One ``[[forbid]]`` table: the engine refuses to start with this combination."""

    when: dict[str, Values]
    why: str


class StartEntry(_Strict):
    """One ``[[start]]`` table: settings laid over the defaults."""

    name: str
    why: str
    set: dict[str, Scalar]


class SpaceFile(_Strict):
    """A whole search-space file."""

    schema_version: Literal["search-space/1"]
    engine: str
    parameters: dict[str, ParameterEntry]
    forbid: list[ForbidEntry] = Field(default_factory=list)
    start: list[StartEntry] = Field(default_factory=list)


class Overlay(_Strict):
    """One ``[engines.NAME]`` table of a GPU profile: what of that engine's space differs there.

    `why` gives the reason, by parameter, of what is dropped or narrowed.
    """

    drop: list[str] = Field(default_factory=list)
    fix: dict[str, Scalar] = Field(default_factory=dict)
    choices: dict[str, list[Scalar]] = Field(default_factory=dict)
    defaults: dict[str, Scalar] = Field(default_factory=dict)
    why: dict[str, str] = Field(default_factory=dict)
    start: list[StartEntry] = Field(default_factory=list)

    def over(self, general: Overlay) -> Overlay:
        """This one laid over that of a more general profile: by parameter, the particular wins.

        What `general` drops comes back where this one names it.
        """
        named = {*self.fix, *self.choices, *self.defaults}
        back = [name for name in general.drop if name not in named]
        return Overlay(
            drop=[*self.drop, *(name for name in back if name not in self.drop)],
            fix={**_without(general.fix, {*self.drop, *self.choices}), **self.fix},
            choices={**_without(general.choices, {*self.drop, *self.fix}), **self.choices},
            defaults={**general.defaults, **self.defaults},
            why={**general.why, **self.why},
            start=[*self.start, *general.start],
        )


def _without(table: Mapping[str, ValueT], names: set[str]) -> dict[str, ValueT]:
    return {name: value for name, value in table.items() if name not in names}


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
    overlays = [
        _checked(Overlay, table, f"gpus/{name}.toml: engines.{engine}") for name, table in tables
    ]
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


def build_space(
    file: SpaceFile,
    overlay: Overlay | None,
    symbols: Mapping[str, Setting],
    *,
    pins: Mapping[str, Setting],
    allow_quality_change: bool,
    rolling_state: bool,
) -> Space:
    """The space to search: symbols resolved, overlay laid over, pinned flags taken out.

    Flags that can change the output stay at their default unless `allow_quality_change`; so do
    those that only matter to models with sliding-window or recurrent layers (`rolling_state`)
    on other models. A parameter with one choice left is fixed to it.
    """
    fixed: dict[str, Setting] = {**(overlay.fix if overlay else {})}
    parameters = []
    for name, entry in file.parameters.items():
        if name in pins or (overlay and name in overlay.drop):
            continue
        parameter = _parameter(name, entry, overlay, symbols)
        idle = entry.only_for == "rolling-state" and not rolling_state
        held = idle or (entry.quality and not allow_quality_change)
        if name in fixed or held or len(parameter.choices) == 1:
            fixed.setdefault(name, parameter.default if held else parameter.choices[0])
            continue
        parameters.append(parameter)
    fixed = {k: _resolve(v, symbols) for k, v in fixed.items()}
    return Space(
        engine=file.engine,
        parameters=_parents_first(parameters),
        forbidden=tuple(_requirement(clause.when) for clause in file.forbid),
        starts=_starts(file, overlay, parameters, symbols),
        fixed={**fixed, **pins},
    )


def _parameter(
    name: str, entry: ParameterEntry, overlay: Overlay | None, symbols: Mapping[str, Setting]
) -> Parameter:
    raw = overlay.choices.get(name, entry.choices) if overlay else entry.choices
    raw_default = overlay.defaults.get(name, entry.default) if overlay else entry.default
    default = _resolve(raw_default, symbols)
    choices = tuple(dict.fromkeys([*(_resolve(value, symbols) for value in raw), default]))
    if entry.ordered:
        choices = tuple(sorted(choices, key=lambda v: float(v)))
    return Parameter(
        name=name,
        choices=choices,
        default=default,
        concept=entry.concept,
        about=entry.about,
        unit=entry.unit,
        ordered=entry.ordered,
        quality=entry.quality,
        requires=_requirement(entry.requires),
        at_most=entry.at_most,
        at_least=entry.at_least,
        at_least_when=_requirement(entry.at_least_when),
        per_slot_of=entry.per_slot_of,
        shared_when=_requirement(entry.shared_when),
    )


def _resolve(value: Scalar, symbols: Mapping[str, Setting]) -> Setting:
    if not (isinstance(value, str) and value.startswith("@")):
        return value
    try:
        return symbols[value[1:]]
    except KeyError:
        raise UserError(
            f"the search space uses an unknown symbol {value}",
            f"known symbols: {', '.join('@' + s for s in sorted(symbols))}",
        ) from None


def _requirement(table: Mapping[str, Values]) -> Requirement:
    return {k: tuple(v) if isinstance(v, list) else (v,) for k, v in table.items()}


def _parents_first(parameters: list[Parameter]) -> tuple[Parameter, ...]:
    """Order such that what a parameter requires is decided before it."""
    names = {p.name for p in parameters}
    done: list[Parameter] = []
    waiting = list(parameters)
    while waiting:
        placed = {p.name for p in done}
        ready = [p for p in waiting if set(p.requires) & names <= placed]
        if not ready:
            loop = ", ".join(p.name for p in waiting)
            raise UserError(
                f"parameters require each other in a circle: {loop}", "break the circle"
            )
        done.extend(ready)
        waiting = [p for p in waiting if p not in ready]
    return tuple(done)


def _starts(
    file: SpaceFile,
    overlay: Overlay | None,
    parameters: list[Parameter],
    symbols: Mapping[str, Setting],
) -> tuple[Start, ...]:
    """Starts whose every setting can still be chosen; others are out of this space."""
    allowed = {p.name: p.choices for p in parameters}
    entries = [*file.start, *(overlay.start if overlay else [])]
    starts = []
    for entry in entries:
        settings = {k: _resolve(v, symbols) for k, v in entry.set.items()}
        if all(v in allowed.get(k, ()) for k, v in settings.items()):
            starts.append(Start(entry.name, entry.why, settings))
    return tuple(starts)
