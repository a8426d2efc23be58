"""From the TOML of a search space to the space that is searched: here, for this model, today."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.search.space import UNSET, Parameter, Requirement, Space, Start
from autotune.search.space_entries import (
    Overlay,
    ParameterEntry,
    Scalar,
    SpaceFile,
    StartEntry,
    Values,
)

ROLLING_STATE = "rolling-state"


def build_space(
    file: SpaceFile,
    overlay: Overlay | None,
    symbols: Mapping[str, Setting],
    *,
    pins: Mapping[str, Setting],
    allow_quality_change: bool,
    rolling_state: bool,
    circumstances: Collection[str] = (),
) -> Space:
    """The space to search: symbols resolved, overlay laid over, pinned flags taken out.

    Flags that can change the output stay at their default unless `allow_quality_change`; so do
    those that only matter to models with sliding-window or recurrent layers (`rolling_state`)
    on other models. What is only for other circumstances than `circumstances` is left out, and so
    are parameters that are not searched unless somebody asks, and those whose condition cannot
    hold. A parameter with one choice left is fixed to it, unless it depends on others. Raises
    `UserError` for an unknown symbol and for parameters that require each other in a circle.
    """
    laid = overlay or Overlay()
    here = {*circumstances, *((ROLLING_STATE,) if rolling_state else ())}
    fixed: dict[str, Setting] = {n: v for n, v in laid.fix.items() if n not in pins}
    parameters = []
    for name, entry in file.parameters.items():
        if name in pins or name in laid.drop or _is_left_out(name, entry, laid, here):
            continue
        parameter = _parameter(name, entry, laid, symbols, here)
        idle = entry.only_for == ROLLING_STATE and ROLLING_STATE not in here
        held = idle or (entry.quality and not allow_quality_change)
        alone = len(parameter.choices) == 1 and not parameter.requires
        if name in fixed or held or alone:
            fixed.setdefault(name, parameter.default if held else parameter.choices[0])
            continue
        parameters.append(parameter)
    fixed = {**{k: _resolve(v, symbols) for k, v in fixed.items()}, **pins}
    ordered = parents_first(parameters)
    known = {*file.parameters, *fixed}
    kept = reachable(ordered, fixed, known)
    return Space(
        engine=file.engine,
        parameters=tuple(kept),
        forbidden=tuple(_requirement(clause.when) for clause in file.forbid),
        starts=_starts([*file.start, *laid.start], kept, symbols),
        fixed=fixed,
    )


def _is_left_out(name: str, entry: ParameterEntry, overlay: Overlay, here: set[str]) -> bool:
    """Not for these circumstances, or not searched and not brought in by an overlay."""
    if entry.only_for not in (None, ROLLING_STATE) and entry.only_for not in here:
        return True
    return not entry.searched and name not in {*overlay.fix, *overlay.choices}


def _parameter(
    name: str,
    entry: ParameterEntry,
    overlay: Overlay,
    symbols: Mapping[str, Setting],
    here: set[str],
) -> Parameter:
    more = [v for when, values in entry.choices_for.items() if when in here for v in values]
    raw = [*overlay.choices.get(name, entry.choices), *more]
    default = _resolve(overlay.defaults.get(name, entry.default), symbols)
    choices = tuple(dict.fromkeys([*(_resolve(value, symbols) for value in raw), default]))
    ordered = entry.ordered and UNSET not in choices  # it has no place among numbers
    return Parameter(
        name=name,
        choices=tuple(sorted(choices, key=float)) if ordered else choices,
        default=default,
        concept=entry.concept,
        about=entry.about,
        unit=entry.unit,
        ordered=ordered,
        quality=entry.quality,
        requires=_requirement(entry.requires),
        at_most=entry.at_most,
        at_least=entry.at_least,
        at_least_when=_requirement(entry.at_least_when),
        per_slot_of=entry.per_slot_of,
        shared_when=_requirement(entry.shared_when),
    )


def _resolve(value: Scalar, symbols: Mapping[str, Setting]) -> Setting:
    if not (isinstance(value, str) and value.startswith("@")) or value == UNSET:
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


def parents_first(parameters: list[Parameter]) -> tuple[Parameter, ...]:
    """Order such that what a parameter requires is decided before it.

    Raises `UserError` for parameters that require each other in a circle.
    """
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


def reachable(
    parameters: Iterable[Parameter], fixed: Mapping[str, Setting], known: Collection[str]
) -> list[Parameter]:
    """Parameters whose condition can hold; parents come before children.

    A condition on a name that is not `known` is left to whoever checks the space.
    """
    values: dict[str, tuple[Setting, ...]] = {name: (value,) for name, value in fixed.items()}
    kept = []
    for parameter in parameters:
        needs = [(n, allowed) for n, allowed in parameter.requires.items() if n in known]
        if all(set(values.get(name, ())) & set(allowed) for name, allowed in needs):
            kept.append(parameter)
            values[parameter.name] = parameter.choices
    return kept


def _starts(
    entries: Iterable[StartEntry], parameters: Iterable[Parameter], symbols: Mapping[str, Setting]
) -> tuple[Start, ...]:
    """Starts whose every setting can still be chosen; others are out of this space."""
    allowed = {p.name: p.choices for p in parameters}
    starts = []
    for entry in entries:
        settings = {k: _resolve(v, symbols) for k, v in entry.set.items()}
        if all(v in allowed.get(k, ()) for k, v in settings.items()):
            starts.append(Start(entry.name, entry.why, settings))
    return tuple(starts)
