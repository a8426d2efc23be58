"""Steps from the best configuration: one flag changed, to the next value."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autotune.candidate import Candidate, Setting
from autotune.search.feasibility import Feasibility
from autotune.search.ledger import Entry, Ledger
from autotune.search.space import Parameter, Space, to_settings
from autotune.search.suggest import active_values


@dataclass(frozen=True, slots=True)
class Step:
    """Parameter values one flag away from where it began; `name` says which, to what."""

    name: str
    parameter: Parameter
    values: Mapping[str, Setting]


def next_step(
    space: Space, feasibility: Feasibility, ledger: Ledger, best: Entry, seed: int
) -> Step | None:
    """The step to measure next; ``None`` when all of them are known or refused.

    First steps that no trial has taken, from whatever it began; among those the ones of a concept
    in which the best already differs from the default: what helped is worth refining. The rest is
    drawn by `seed`.
    """
    steps = [s for s in steps_from(space, best.values) if _is_new(s, space, feasibility, ledger)]
    random.Random(seed).shuffle(steps)
    taken = {entry.label.partition(": ")[2] for entry in ledger.entries}
    moved = _moved_concepts(space, best.values)
    ranked = sorted(steps, key=lambda s: (s.name in taken, s.parameter.concept not in moved))
    return ranked[0] if ranked else None


def steps_from(space: Space, values: Mapping[str, Setting]) -> Iterator[Step]:
    """Every step: to both neighbours of an ordered value, to each other value of a word."""
    for parameter in space.parameters:
        if parameter.name not in values:
            continue
        for choice in _neighbours(parameter, values[parameter.name]):
            changed = active_values(space, {**values, parameter.name: choice})
            yield Step(f"{parameter.name} {choice}", parameter, changed)


def _neighbours(parameter: Parameter, value: Setting) -> list[Setting]:
    if not parameter.ordered or value not in parameter.choices:
        return [choice for choice in parameter.choices if choice != value]
    at = parameter.choices.index(value)
    return [parameter.choices[i] for i in (at - 1, at + 1) if 0 <= i < len(parameter.choices)]


def _is_new(step: Step, space: Space, feasibility: Feasibility, ledger: Ledger) -> bool:
    candidate = Candidate(to_settings(space, step.values))
    return ledger.find(candidate.key) is None and feasibility.refusal(candidate) is None


def _moved_concepts(space: Space, values: Mapping[str, Setting]) -> set[str]:
    return {p.concept for p in space.parameters if values.get(p.name, p.default) != p.default}
