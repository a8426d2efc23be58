"""A command line taken apart into flags with their values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from autotune.candidate import Setting

_FLAG = re.compile(r"-{1,2}[A-Za-z]")


def flag_groups(argv: Sequence[str]) -> list[tuple[str, ...]]:
    """`argv` in groups: a flag and the words that follow it. The first group is the program.

    A negative number is a value, not a flag.
    """
    groups: list[list[str]] = []
    for word in argv:
        if not groups or _FLAG.match(word):
            groups.append([word])
        else:
            groups[-1].append(word)
    return [tuple(group) for group in groups]


def short_argv(
    argv: Sequence[str], settings: Mapping[str, Setting], full: Mapping[str, Setting]
) -> tuple[str, ...]:
    """`argv` without the flags of `full` that are not in `settings`.

    Flags of neither (the model, the host) stay. A flag that is not spelt as ``--name`` or
    ``--no-name`` stays too: too long a command line is right, too short a one is not.
    """
    drop = set(full) - set(settings)
    return tuple(_flatten(_kept(group, drop, full) for group in flag_groups(argv)))


def _kept(
    group: tuple[str, ...], drop: Collection[str], full: Mapping[str, Setting]
) -> tuple[str, ...]:
    """What is left of one flag and its words."""
    name, equals, _ = group[0].lstrip("-").partition("=")
    if not group[0].startswith("--"):
        return group
    if name in drop:
        values = 0 if equals or isinstance(full[name], bool) else 1
        return group[1 + values :]
    negated = name.removeprefix("no-")
    if negated != name and negated in drop and full[negated] is False:
        return group[1:]
    return group


def _flatten(groups: Iterable[tuple[str, ...]]) -> list[str]:
    return [word for group in groups for word in group]
