"""A search space: which flags may vary, over what, and when. Data only, nothing evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from autotune.candidate import Setting

UNSET = "@unset"
"""A value that leaves the flag out: the engine decides, as it does without autotune."""

Requirement = Mapping[str, tuple[Setting, ...]]
"""Parameter name -> the values of it under which something applies."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One engine flag that may vary.

    `choices` are in order when `ordered`; `default` is the engine's own. `requires` names the
    values of other parameters under which this one is set at all; `at_most` names a parameter
    whose value it never exceeds, `at_least` one that it never falls below while `at_least_when`
    holds; `per_slot_of` names the slot count that multiplies it unless `shared_when` holds.
    `quality` marks flags that can change what the model says.
    """

    name: str
    choices: tuple[Setting, ...]
    default: Setting
    concept: str
    about: str = ""
    unit: str = ""
    ordered: bool = False
    quality: bool = False
    requires: Requirement = field(default_factory=dict)
    at_most: str | None = None
    at_least: str | None = None
    at_least_when: Requirement = field(default_factory=dict)
    per_slot_of: str | None = None
    shared_when: Requirement = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """A configuration worth trying before any sampling, and why."""

    name: str
    why: str
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Space:
    """Every parameter of one engine on one class of GPU, parents before children."""

    engine: str
    parameters: tuple[Parameter, ...]
    forbidden: tuple[Requirement, ...] = ()
    starts: tuple[Start, ...] = ()
    fixed: Mapping[str, Setting] = field(default_factory=dict)

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`. Raises ``KeyError``."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters that vary."""
        return tuple(p.name for p in self.parameters)

    @property
    def defaults(self) -> dict[str, Setting]:
        """The engine's own default of every parameter, as parameter values."""
        return {p.name: p.default for p in self.parameters}

    @property
    def size(self) -> int:
        """How many combinations the choices allow, conditions not counted."""
        total = 1
        for parameter in self.parameters:
            total *= len(parameter.choices)
        return total

    @property
    def digest(self) -> str:
        """Equal exactly when the space is."""
        text = json.dumps(_plain(asdict(self)), sort_keys=True, default=str)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def holds(requirement: Requirement, values: Mapping[str, Setting]) -> bool:
    """Whether every named parameter has one of the named values; an absent one has none."""
    return all(name in values and values[name] in allowed for name, allowed in requirement.items())


def to_settings(space: Space, values: Mapping[str, Setting]) -> dict[str, Setting]:
    """Parameter values -> engine settings: conditions applied, relations kept, fixed ones added.

    A parameter whose condition does not hold is left out; one that exceeds its `at_most` is
    lowered to it, one below its `at_least` raised; one that is per slot is multiplied by the
    slots unless they share. What is `UNSET` is left out.
    """
    settings: dict[str, Setting] = dict(space.fixed)
    active = {**space.fixed}
    for parameter in space.parameters:
        if not holds(parameter.requires, active):
            continue
        active[parameter.name] = values.get(parameter.name, parameter.default)
    for parameter in space.parameters:
        if parameter.name in active:
            settings[parameter.name] = _related(parameter, active)
    return {name: value for name, value in settings.items() if value != UNSET}


def _related(parameter: Parameter, active: Mapping[str, Setting]) -> Setting:
    value = active[parameter.name]
    if parameter.at_most and parameter.at_most in active:
        value = _bounded(min, value, active[parameter.at_most])
    raised = holds(parameter.at_least_when, active)
    if parameter.at_least and parameter.at_least in active and raised:
        value = _bounded(max, value, active[parameter.at_least])
    slots = active.get(parameter.per_slot_of) if parameter.per_slot_of else None
    shared = bool(parameter.shared_when) and holds(parameter.shared_when, active)
    if isinstance(slots, int) and isinstance(value, int) and not shared:
        value *= slots
    return value


def _bounded(which: Callable[[float, float], float], value: Setting, bound: Setting) -> Setting:
    """The lesser or the greater of two numbers; `value` where either is none."""
    if isinstance(value, int | float) and isinstance(bound, int | float):
        return which(value, bound)
    return value


def is_forbidden(space: Space, settings: Mapping[str, Setting]) -> bool:
    """Whether a combination that the engine refuses is in `settings`."""
    return any(holds(clause, settings) for clause in space.forbidden)
