"""What of a config can be taken back to the default's value, and what only together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.candidate import Setting
from autotune.search.space import Parameter, Space, holds, to_settings
from autotune.search.suggest import active_values

Values = Mapping[str, Setting]

TWIN_ENDINGS = ("-k", "-v")
"""Flags of one name with these endings are the two halves of one choice: the types of a cache."""


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of a config that are taken back together.

    `names` are parameters in the order of the space, `before` and `after` their settings without
    the change and with it (``None`` for a flag that is left out). `without` are the parameter
    values of the config with this group at the default's values.
    """

    names: tuple[str, ...]
    before: Mapping[str, Setting | None]
    after: Mapping[str, Setting | None]
    without: Values

    @property
    def name(self) -> str:
        """All its flags: ``cache-type-k, cache-type-v``."""
        return ", ".join(self.names)

    @property
    def old(self) -> Setting | None:
        """The default's value; of several flags all values in words."""
        return self._told(self.before)

    @property
    def new(self) -> Setting | None:
        """The same of the config."""
        return self._told(self.after)

    def _told(self, values: Mapping[str, Setting | None]) -> Setting | None:
        if len(self.names) == 1:
            return values[self.names[0]]
        return ", ".join(_word(values[name]) for name in self.names)

    def to_json(self) -> dict[str, Any]:
        """``name``, ``before``, ``after``, and the flags one by one."""
        return {
            "name": self.name,
            "before": self.old,
            "after": self.new,
            "settings": {n: [self.before[n], self.after[n]] for n in self.names},
        }


def groups_of(space: Space, values: Values) -> tuple[Group, ...]:
    """The changes of `values` against the defaults, those that belong together as one.

    Together are a flag and those that apply only with it (``requires``), flags of which one bounds
    the other, flags without one of which the engine would refuse the config, and the two halves of
    one choice (`TWIN_ENDINGS`).
    """
    changed = changed_names(space, values)
    parts = {name: {name} for name in changed}
    for one, other in _pairs(space, values, changed):
        both = parts[one] | parts[other]
        parts.update(dict.fromkeys(both, both))
    found = dict.fromkeys(tuple(n for n in changed if n in parts[name]) for name in changed)
    return tuple(_group(space, values, names) for names in found)


def changed_names(space: Space, values: Values) -> tuple[str, ...]:
    """Parameters of `values` that are not at their default."""
    active = active_values(space, dict(values))
    return tuple(
        p.name
        for p in space.parameters
        if p.name in active and _word(active[p.name]) != _word(p.default)
    )


def taken_back(space: Space, values: Values, names: Iterable[str]) -> dict[str, Setting]:
    """`values` with the parameters `names` at their default."""
    defaults = {name: space.parameter(name).default for name in names}
    return active_values(space, {**values, **defaults})


def without_all(space: Space, values: Values, groups: Iterable[Group]) -> dict[str, Setting]:
    """`values` with all of `groups` at the default."""
    return taken_back(space, values, [name for group in groups for name in group.names])


def _group(space: Space, values: Values, names: tuple[str, ...]) -> Group:
    without = taken_back(space, values, names)
    old, new = to_settings(space, without), to_settings(space, values)
    return Group(names, {n: old.get(n) for n in names}, {n: new.get(n) for n in names}, without)


def _pairs(space: Space, values: Values, changed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Changes of which one cannot be taken back without the other."""
    full = to_settings(space, values)
    for name in changed:
        left = to_settings(space, taken_back(space, values, [name]))
        refused = [clause for clause in space.forbidden if holds(clause, left)]
        for other in changed:
            if other == name:
                continue
            moved = left.get(other) != full.get(other)
            if (moved and not _is_unit(space.parameter(other), name)) or any(
                other in clause for clause in refused
            ):
                yield name, other
    yield from _halves(changed)


def _is_unit(parameter: Parameter, name: str) -> bool:
    """Whether `parameter` only follows the slots `name`, by being per slot."""
    return parameter.per_slot_of == name


def _halves(changed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    first, second = TWIN_ENDINGS
    for name in changed:
        other = name.removesuffix(first) + second
        if name.endswith(first) and other in changed:
            yield name, other


def _word(value: Setting | None) -> str:
    if value is None:
        return "left out"
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
