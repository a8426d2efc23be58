"""A search space cut to what one build of an engine has, with a word on what was left out.

Search spaces are written for the newest build. An older one may call a flag by another name, which
its launcher writes, have fewer values for it, or not have it at all: then it is not tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.launchers.spelling import Spelling, Standing
from autotune.search.space import UNSET, Parameter, Space, Start

Spell = Callable[[str, Setting], Spelling]
"""Setting name and a value of it -> what the build calls it."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """`space` as the build has it, and one note a kind of difference."""

    space: Space
    notes: tuple[str, ...] = ()


def fit_to_build(space: Space, spelled: Spell, *, pins: Mapping[str, Setting]) -> Fitted:
    """`space` without what the build has not: parameters, values, and what depends on them.

    Raises `UserError` for a pinned flag that the build has under no name.
    """
    _refuse_unknown_pins(spelled, pins)
    values = {**space.defaults, **space.fixed}
    told = {name: spelled(name, value) for name, value in values.items()}
    kept = [p for p in space.parameters if told[p.name].known]
    fitted = [fit for p in kept if (fit := _fitted(p, told[p.name])) is not None]
    fixed = {n: told[n].default(v) if n not in pins else v for n, v in space.fixed.items()}
    fixed = {n: v for n, v in fixed.items() if v == UNSET or told[n].can_say(v)}
    reachable = _reachable(fitted, fixed)
    cut = replace(
        space,
        parameters=tuple(p for p in reachable if not _is_settled(p)),
        fixed={**{p.name: p.default for p in reachable if _is_settled(p)}, **fixed},
    )
    cut = replace(cut, starts=_possible(space, cut))
    return Fitted(cut, tuple(_notes(space, cut, told)))


def _is_settled(parameter: Parameter) -> bool:
    """One choice and always there: one that depends on others is still left out at times."""
    return len(parameter.choices) == 1 and not parameter.requires


def _refuse_unknown_pins(spelled: Spell, pins: Mapping[str, Setting]) -> None:
    for name, value in pins.items():
        told = spelled(name, value)
        if not told.known:
            hint = told.advice or "see what it accepts: autotune engine flags ENGINE --all"
            raise UserError(f"this build of the engine has no flag --{name}", hint)


def _fitted(parameter: Parameter, told: Spelling) -> Parameter | None:
    """The parameter with the values that the build has; ``None`` where it has none of them."""
    choices = tuple(c for c in parameter.choices if c == UNSET or told.takes(c))
    default = told.default(parameter.default)
    if default not in choices and not told.takes(default):
        default = parameter.default
    if not choices or default not in choices:
        return None
    return replace(parameter, choices=choices, default=default)


def _reachable(parameters: list[Parameter], fixed: Mapping[str, Setting]) -> list[Parameter]:
    """Parameters whose condition can still hold; parents come before children."""
    values: dict[str, tuple[Setting, ...]] = {name: (value,) for name, value in fixed.items()}
    kept = []
    for parameter in parameters:
        needs = parameter.requires.items()
        if all(set(values.get(name, ())) & set(allowed) for name, allowed in needs):
            kept.append(parameter)
            values[parameter.name] = parameter.choices
    return kept


def _possible(space: Space, cut: Space) -> tuple[Start, ...]:
    """Starts of which every setting can still be chosen, or is what stands fixed."""
    choices = {p.name: p.choices for p in cut.parameters}
    choices |= {name: (value,) for name, value in cut.fixed.items()}
    return tuple(
        start
        for start in space.starts
        if all(value in choices.get(name, ()) for name, value in start.settings.items())
    )


def _notes(space: Space, cut: Space, told: Mapping[str, Spelling]) -> list[str]:
    left = {*cut.names, *cut.fixed}
    gone = [n for n in told if n not in left and not told[n].known]
    idle = [n for n in told if n not in left and told[n].known]
    renamed = [
        f"{n} as {told[n].shown}"
        for n in told
        if n in left and told[n].standing is Standing.RENAMED and told[n].shown
    ]
    notes = []
    if gone:
        notes.append(f"this build has no {_listed(gone)}: not tuned")
    if idle:
        notes.append(f"also left out, as nothing sets them off: {_listed(idle)}")
    if fewer := _fewer(space, cut):
        notes.append(f"values that this build has not are left out: {'; '.join(fewer)}")
    if renamed:
        notes.append(f"spelt as this build knows them: {', '.join(renamed)}")
    return notes


def _listed(names: list[str]) -> str:
    return ", ".join(f"--{name}" for name in names)


def _fewer(space: Space, cut: Space) -> list[str]:
    """``spec-type ngram-mod`` for every value that fell away of a parameter that stayed."""
    now = {p.name: p.choices for p in cut.parameters}
    now |= {name: (value,) for name, value in cut.fixed.items()}
    lost = (
        (p.name, [str(c) for c in p.choices if c not in now[p.name]])
        for p in space.parameters
        if p.name in now
    )
    return [f"{name} {', '.join(values)}" for name, values in lost if values]
