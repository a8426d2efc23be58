"""Which configs are worth a thought for the next trial: near the best, named ones, and unions."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autotune.candidate import Candidate, Setting
from autotune.search.planned import STEP, TOGETHER
from autotune.search.space import Space, to_settings
from autotune.search.suggest import active_values

DRAWS = 40
"""Configs with a few flags changed by chance: what no step reaches."""

MOST_CHANGES = 3
"""Flags that such a draw changes at most."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Parameter values that may be tried next; `label` says what they are, `start` which start of
    the space they come from."""

    values: Mapping[str, Setting]
    label: str
    start: str | None = None


def settings_key(space: Space, values: Mapping[str, Setting]) -> str:
    """What tells whether two configs are the same to the engine."""
    return Candidate(to_settings(space, values)).key


def singles(space: Space, values: Mapping[str, Setting]) -> Iterator[Proposal]:
    """Every config with one flag changed, to any of its values."""
    for parameter in space.parameters:
        if parameter.name not in values:
            continue
        for choice in parameter.choices:
            if choice != values[parameter.name]:
                changed = active_values(space, {**values, parameter.name: choice})
                yield Proposal(changed, f"{STEP}{parameter.name} {choice}")


def matched(space: Space, values: Mapping[str, Setting]) -> Iterator[Proposal]:
    """Flags of one concept with the same choices, all at the same one: caches of K and of V of two
    types are slower than of either."""
    groups: dict[tuple[str, tuple[Setting, ...]], list[str]] = {}
    for parameter in space.parameters:
        if parameter.name in values and not parameter.ordered and len(parameter.choices) > 2:
            groups.setdefault((parameter.concept, parameter.choices), []).append(parameter.name)
    for (_, choices), names in groups.items():
        for choice in choices if len(names) > 1 else ():
            if all(values[name] == choice for name in names):
                continue
            changed = active_values(space, {**values, **dict.fromkeys(names, choice)})
            label = TOGETHER + ", ".join(f"{name} {choice}" for name in names)
            yield Proposal(changed, label, label)


def starts(space: Space, values: Mapping[str, Setting]) -> Iterator[Proposal]:
    """Every start of the space, laid over `values`."""
    for start in space.starts:
        changed = active_values(space, {**values, **start.settings})
        yield Proposal(changed, start.name, start.name)


def draws(space: Space, values: Mapping[str, Setting], seed: str) -> Iterator[Proposal]:
    """Configs with two or three flags changed by chance; `seed` decides which."""
    rng = random.Random(seed)
    free = [p for p in space.parameters if len(p.choices) > 1]
    if len(free) < 2:
        return
    for _ in range(DRAWS):
        chosen = rng.sample(free, min(len(free), rng.randint(2, MOST_CHANGES)))
        wanted = {p.name: rng.choice(p.choices) for p in chosen}
        yield together(space, values, wanted)


def together(
    space: Space, values: Mapping[str, Setting], wanted: Mapping[str, Setting]
) -> Proposal:
    """`wanted` laid over `values`."""
    changed = active_values(space, {**values, **wanted})
    names = [n for n in changed if changed[n] != values.get(n)]
    return Proposal(changed, TOGETHER + ", ".join(f"{n} {changed[n]}" for n in names))
