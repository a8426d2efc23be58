"""What may stand in the TOML of a search space, and of the overlays that GPUs lay over one.

Data only: how a space is made of it is in `space_build`, what is wrong with one in `space_check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scalar = bool | int | float | str
Values = Scalar | list[Scalar]
ValueT = TypeVar("ValueT")

Circumstance = Literal["rolling-state", "experts", "draft-layers", "draft-model", "too-large"]
"""What a parameter, or some of its values, may be for alone; see `space_circumstances`."""

ValueType = Literal["integer", "number", "switch", "word"]
"""What the engine reads a value as; words may stand beside numbers where `accepts` names them."""

MOST_OF_A_RANGE = 64
"""Values that a range may have: more than any search could tell apart."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RangeEntry(_Strict):
    """Numbers from `first` to `last`, both in, each `step` more or `times` as much as the one
    before."""

    first: int | float = Field(alias="from")
    last: int | float = Field(alias="to")
    step: int | float | None = Field(None, gt=0)
    times: int | float | None = Field(None, gt=1)

    @model_validator(mode="after")
    def _one_way_on(self) -> RangeEntry:
        if (self.step is None) == (self.times is None):
            raise ValueError("give either step or times")
        if self.last < self.first or (self.times is not None and self.first <= 0):
            raise ValueError("from must not be above to, and with times it must be above 0")
        self.values()
        return self

    def values(self) -> list[Scalar]:
        """The numbers, `last` only where it is met. Raises ``ValueError`` for very many."""
        found: list[Scalar] = []
        value: int | float = self.first
        while value <= self.last * (1 + 1e-9) if self.last > 0 else value <= self.last:
            if len(found) == MOST_OF_A_RANGE:
                raise ValueError(f"a range of more than {MOST_OF_A_RANGE} values")
            found.append(value)
            value = self._next(len(found))
        return found

    def _next(self, number: int) -> int | float:
        if self.times is not None:
            return self.first * self.times**number
        following = self.first + (self.step or 0) * number
        return following if isinstance(following, int) else round(following, 12)


class ParameterEntry(_Strict):
    """One ``[parameters.NAME]`` table. Strings that begin with ``@`` are symbols."""

    type: ValueType | None = None
    choices: list[Scalar] = Field(default_factory=list, min_length=1)
    range: RangeEntry | None = None
    choices_for: dict[Circumstance, list[Scalar]] = Field(default_factory=dict, alias="choices-for")
    accepts: list[Scalar] | None = None
    least: int | float | None = None
    most: int | float | None = None
    default: Scalar
    concept: str
    about: str = ""
    unit: str = ""
    ordered: bool = False
    searched: bool = True
    quality: bool = False
    requires: dict[str, Values] = Field(default_factory=dict)
    at_most: str | None = Field(None, alias="at-most")
    at_least: str | None = Field(None, alias="at-least")
    at_least_when: dict[str, Values] = Field(default_factory=dict, alias="at-least-when")
    per_slot_of: str | None = Field(None, alias="per-slot-of")
    shared_when: dict[str, Values] = Field(default_factory=dict, alias="shared-when")
    only_for: Circumstance | None = Field(None, alias="only-for")

    @model_validator(mode="before")
    @classmethod
    def _range_as_choices(cls, data: Any) -> Any:
        """A range is written out, so that everybody sees `choices` alone."""
        if not isinstance(data, Mapping) or data.get("range") is None or "choices" in data:
            return data
        return {**data, "choices": RangeEntry.model_validate(data["range"]).values()}

    @model_validator(mode="after")
    def _has_choices(self) -> ParameterEntry:
        if not self.choices:
            raise ValueError("give choices, or a range")
        return self

    @property
    def every_choice(self) -> list[Scalar]:
        """What may be chosen under any circumstance, without what `accepts` adds."""
        return [*self.choices, *(v for values in self.choices_for.values() for v in values)]


class ForbidEntry(_Strict):
    """One ``[[forbid]]`` table: the engine refuses to start with this combination."""

    when: dict[str, Values]
    why: str


class StartEntry(_Strict):
    """One ``[[start]]`` table: settings laid over the defaults."""

    name: str
    why: str
    set: dict[str, Scalar]


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


class SpaceFile(_Strict):
    """A whole search-space file.

    `draft_model` is the setting that names a draft model's file. `gpus` are overlays by the name of
    a GPU profile, for an engine that the shipped profiles do not know.
    """

    schema_version: Literal["search-space/1"]
    engine: str
    draft_model: str | None = Field(None, alias="draft-model")
    parameters: dict[str, ParameterEntry]
    forbid: list[ForbidEntry] = Field(default_factory=list)
    start: list[StartEntry] = Field(default_factory=list)
    gpus: dict[str, Overlay] = Field(default_factory=dict)
