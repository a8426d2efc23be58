"""Faults of single parameters: values that are not of their kind, defaults that are no choices."""

from __future__ import annotations

from collections.abc import Iterator

from autotune.search.space import UNSET
from autotune.search.space_circumstances import SYMBOLS
from autotune.search.space_entries import ParameterEntry, Scalar
from autotune.search.space_faults import Checked, Fault
from autotune.search.space_values import among, is_of_type, is_symbol, shown


def entry_faults(space: Checked) -> Iterator[Fault]:
    """Of every parameter of the file."""
    for name, entry in space.file.parameters.items():
        for reason in (*_values(entry), *_default(entry), *_order(entry), *_bounds(entry)):
            yield Fault(space.where, name, reason)


def _values(entry: ParameterEntry) -> Iterator[str]:
    seen: list[Scalar] = []
    for value in entry.every_choice:
        if among(value, seen):
            yield f"the choice {shown(value)} stands there twice"
        seen.append(value)
    for value in [*seen, entry.default]:
        if is_symbol(value) and value != UNSET and str(value)[1:] not in SYMBOLS:
            known = ", ".join("@" + symbol for symbol in sorted(SYMBOLS))
            yield f"{value} is no symbol; there are {UNSET}, {known}"
        elif not is_of_type(entry, value):
            yield f"{shown(value)} is not of its type, {entry.type}"
    if entry.type is None and len({isinstance(v, bool) for v in seen if not is_symbol(v)}) > 1:
        yield "switches and other values stand beside each other in its choices"


def _default(entry: ParameterEntry) -> Iterator[str]:
    """A symbol may be no choice: it is what the machine or the model says."""
    if not is_symbol(entry.default) and not among(entry.default, entry.choices):
        yield f"its default, {shown(entry.default)}, is not among its choices"


def _order(entry: ParameterEntry) -> Iterator[str]:
    for value in [*entry.every_choice, entry.default] if entry.ordered else []:
        word = isinstance(value, str) and not is_symbol(value)
        if word or isinstance(value, bool) or value == UNSET:
            yield f"it is ordered, and {shown(value)} has no place among numbers"


def _bounds(entry: ParameterEntry) -> Iterator[str]:
    low, high = entry.least, entry.most
    if low is not None and high is not None and low > high:
        yield f"least, {low}, is above most, {high}"
        return
    for value in [*entry.every_choice, entry.default]:
        if isinstance(value, bool | str) or among(value, entry.accepts or []):
            continue
        if (low is not None and value < low) or (high is not None and value > high):
            yield f"{shown(value)} is not between least and most"
