"""Faults of the configurations to begin with: twice the same, not a choice, without effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from autotune.search.space_entries import Scalar, StartEntry
from autotune.search.space_faults import Checked, Fault, met_by
from autotune.search.space_values import among, shown


def start_faults(
    space: Checked,
    where: str,
    starts: Sequence[StartEntry],
    defaults: Mapping[str, Scalar],
    before: Iterable[StartEntry] = (),
) -> Iterator[Fault]:
    """Of `starts`, which stand in the file `where`; `before` are those that are tried as well."""
    known = list(before)
    for start in starts:
        label = f"start {start.name!r}"
        for reason in (*_twins(start, known), *_values(space, start, defaults)):
            yield Fault(where, label, reason)
        known.append(start)


def _twins(start: StartEntry, known: Sequence[StartEntry]) -> Iterator[str]:
    if any(other.name == start.name for other in known):
        yield "another start has this name"
    same = next((other for other in known if _equal(other.set, start.set)), None)
    if same is not None:
        yield f"it sets the same as the start {same.name!r}"


def _equal(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> bool:
    return one.keys() == other.keys() and all(among(v, [other[n]]) for n, v in one.items())


def _values(space: Checked, start: StartEntry, defaults: Mapping[str, Scalar]) -> Iterator[str]:
    unknown = [name for name in start.set if space.entry(name) is None]
    for name in unknown:
        yield f"it sets {name}, which is no parameter"
    if unknown:
        return
    for name, value in start.set.items():
        if not among(value, space.choosable(name)):
            yield f"{name} = {shown(value)} is not among the choices"
    if all(among(value, [defaults.get(name, "")]) for name, value in start.set.items()):
        yield "it sets what is the default already"
    yield from _effect(space, start, {**defaults, **start.set})


def _effect(space: Checked, start: StartEntry, values: Mapping[str, Scalar]) -> Iterator[str]:
    """Over the defaults: settings that would be left out, and combinations that are refused."""
    for name in start.set:
        requires = space.file.parameters[name].requires
        if not met_by(requires, values):
            needed = ", ".join(requires)
            yield f"{name} is left out beside it: what it requires of {needed} does not hold"
    for clause in space.file.forbid:
        if met_by(clause.when, values):
            yield f"the engine refuses it: {clause.why}"
