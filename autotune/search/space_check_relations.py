"""Faults between parameters: conditions, bounds, what the engine refuses, what nothing sets off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autotune.search.space_entries import ForbidEntry, ParameterEntry, Scalar, Values
from autotune.search.space_faults import (
    Checked,
    Fault,
    condition_faults,
    listed,
    met_by,
    numbers_in,
)
from autotune.search.space_values import among, is_symbol, shown

_MULTIPLIED = "per-slot-of"


def relation_faults(space: Checked) -> Iterator[Fault]:
    """Of every parameter's conditions and bounds."""
    for name, entry in space.file.parameters.items():
        yield from _conditions(space, name, entry)
        yield from _bounds(space, name, entry)
        yield from _reach(space, name, entry)


def _conditions(space: Checked, name: str, entry: ParameterEntry) -> Iterator[Fault]:
    for key, condition in (
        ("requires", entry.requires),
        ("at-least-when", entry.at_least_when),
        ("shared-when", entry.shared_when),
    ):
        yield from condition_faults(space, space.where, name, key, condition)
    if entry.at_least_when and entry.at_least is None:
        yield Fault(space.where, name, "at-least-when says when, and there is no at-least")
    if entry.shared_when and entry.per_slot_of is None:
        yield Fault(space.where, name, "shared-when says when, and there is no per-slot-of")


def _bounds(space: Checked, name: str, entry: ParameterEntry) -> Iterator[Fault]:
    for key, other in (
        ("at-most", entry.at_most),
        ("at-least", entry.at_least),
        (_MULTIPLIED, entry.per_slot_of),
    ):
        if other is None:
            continue
        if other == name or space.entry(other) is None:
            what = "the parameter itself" if other == name else f"{other}, which is no parameter"
            yield Fault(space.where, name, f"{key} names {what}")
        else:
            yield from _against(space, name, key, other)


def _against(space: Checked, name: str, key: str, other: str) -> Iterator[Fault]:
    """Whether any two values of both can stand beside each other."""
    mine, theirs = (numbers_in(space.choosable(n)) for n in (name, other))
    if mine == [] or theirs == []:
        which = name if mine == [] else other
        yield Fault(space.where, name, f"{key} {other}: {which} has no numbers")
    if not mine or not theirs or key == _MULTIPLIED:
        return
    if key == "at-most" and min(mine) > max(theirs):
        yield Fault(
            space.where, name, f"no choice is at most {other}: that ends at {max(theirs):g}"
        )
    if key == "at-least" and max(mine) < min(theirs):
        begins = f"that begins at {min(theirs):g}"
        yield Fault(space.where, name, f"no choice is at least {other}: {begins}")


def _reach(space: Checked, name: str, entry: ParameterEntry) -> Iterator[Fault]:
    """Whether anything that can be chosen sets it off."""
    needs: dict[str, list[Scalar]] = {}
    if not _gather(space, name, needs, (name,)):
        yield Fault(space.where, name, "it requires itself, by way of what it requires")
        return
    if not entry.searched:
        return
    for parent, values in needs.items():
        can_be = [v for v in values if among(v, space.choosable(parent))]
        idle = not space.file.parameters[parent].searched
        if not can_be or idle:
            wanted = " or ".join(shown(v) for v in values) or "two things at once"
            why = "which is not searched itself" if idle and can_be else "which is never chosen"
            yield Fault(space.where, name, f"unreachable: it takes {parent} = {wanted}, {why}")


def _gather(
    space: Checked, name: str, needs: dict[str, list[Scalar]], path: tuple[str, ...]
) -> bool:
    """`needs` with what `name` requires and what that requires; false where it goes in a circle."""
    for parent, values in space.file.parameters[name].requires.items():
        if parent in path:
            return False
        if space.entry(parent) is None:
            continue
        wanted = listed(values)
        before = needs.get(parent, wanted)
        needs[parent] = [value for value in wanted if among(value, before)]
        if not _gather(space, parent, needs, (*path, parent)):
            return False
    return True


def forbid_faults(space: Checked) -> Iterator[Fault]:
    """Of every combination that the engine is said to refuse."""
    seen: list[Mapping[str, Values]] = []
    for clause in space.file.forbid:
        name = " with ".join(clause.when) or "forbid"
        yield from condition_faults(space, space.where, name, "forbid", clause.when)
        yield from (Fault(space.where, name, why) for why in _of_clause(space, clause))
        if clause.when in seen:
            yield Fault(space.where, name, "this combination is forbidden twice")
        seen.append(clause.when)


def _of_clause(space: Checked, clause: ForbidEntry) -> Iterator[str]:
    defaults = {name: entry.default for name, entry in space.file.parameters.items()}
    if not clause.when:
        yield "it names nothing, and so forbids everything"
        return
    if met_by(clause.when, defaults):
        yield "it forbids the defaults: the engine would never start as it comes"
    if len(clause.when) == 1:
        ((name, values),) = clause.when.items()
        if space.entry(name) is None:
            return
        gone = [v for v in listed(values) if among(v, space.choosable(name)) and not is_symbol(v)]
        if gone:
            never = ", ".join(shown(v) for v in gone)
            yield f"{never} can be chosen and is always forbidden: take it out of the choices"
