"""Whether an engine takes a value for a parameter, as far as its search space says."""

from __future__ import annotations

from collections.abc import Iterable

from autotune.candidate import Setting
from autotune.search.space import UNSET
from autotune.search.space_entries import ParameterEntry, Scalar, ValueType

_NUMBERS: tuple[ValueType, ...] = ("integer", "number")


def among(value: Scalar, listed: Iterable[Scalar]) -> bool:
    """Whether `value` is one of `listed`; unlike Python, ``True`` is not 1."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in listed)


def is_symbol(value: Scalar) -> bool:
    """Whether `value` stands for something that is known later, or for leaving the flag out."""
    return isinstance(value, str) and value.startswith("@")


def refusal_of(entry: ParameterEntry, value: Setting) -> str | None:
    """Why `entry` has no such value, in words that follow the value; ``None`` where it may be.

    What is listed anywhere is taken. Other numbers have to be of the type and within the bounds,
    other words are taken where the entry does not say which there are.
    """
    listed = [*entry.every_choice, *(entry.accepts or []), entry.default]
    if value == UNSET or _is_listed(value, listed):
        return None
    if entry.type in _NUMBERS:
        return _of_number(entry, value)
    if entry.type == "switch":
        return None if isinstance(value, bool) else "is neither true nor false"
    return None if entry.accepts is None else f"is not one of {words_of(listed)}"


def _is_listed(value: Scalar, listed: list[Scalar]) -> bool:
    """Also a list of words with commas between, each of them listed."""
    if among(value, listed):
        return True
    return isinstance(value, str) and "," in value and set(value.split(",")) <= {*map(str, listed)}


def _of_number(entry: ParameterEntry, value: Setting) -> str | None:
    if isinstance(value, bool | str):
        return "is not a number"
    if entry.type == "integer" and not float(value).is_integer():
        return "is not a whole number"
    if entry.least is not None and value < entry.least:
        return f"is less than {entry.least}"
    if entry.most is not None and value > entry.most:
        return f"is more than {entry.most}"
    return None


def is_of_type(entry: ParameterEntry, value: Scalar) -> bool:
    """Whether `value` is of the entry's type, or a word that its ``accepts`` names beside it."""
    if entry.type is None or is_symbol(value) or among(value, entry.accepts or []):
        return True
    if isinstance(value, bool):
        return entry.type == "switch"
    if isinstance(value, str):
        return entry.type == "word"
    return entry.type == "number" or (entry.type == "integer" and float(value).is_integer())


def words_of(values: Iterable[Scalar]) -> str:
    """``1, 2, auto``: each once, switches as ``true`` and ``false``, symbols left out."""
    return ", ".join(dict.fromkeys(shown(v) for v in values if not is_symbol(v)))


def shown(value: Scalar) -> str:
    """A value for people: switches are ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
