"""The surrogate's kernel in parts: what configs share by each flag, before any scale is known.

The scales of a process are found by trying many. What two configs have in common is the same under
all of them, so it is worked out once. A kernel is a sum over concepts; trying another scale of one
flag or one concept changes one of its terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from autotune.search.levels import Levels

if TYPE_CHECKING:
    from autotune.search.levels import Codes, Floats

NEAR = 0.4
"""`Scales.pairs` of two flags of one concept: a pool of slots is worth another number of slots."""


@dataclass(frozen=True, slots=True)
class Scales:
    """`stretch` is a factor on the deviations of a concept's flags, `own` one on a flag's besides,
    `noise` one on every point's error; `pairs` is the deviation of what two flags do to each other,
    as a share of the geometric mean of theirs. What is not named has the factor 1."""

    stretch: Mapping[str, float]
    noise: float
    pairs: float
    own: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Term:
    """What one concept adds to a kernel: covariances, the same over deviations, their squares."""

    main: Floats
    shared: Floats
    squares: Floats

    @property
    def near(self) -> Floats:
        """Products of two flags of the concept (Newton's identity instead of a double sum)."""
        found: Floats = 0.5 * (self.shared**2 - self.squares)
        return found

    def times(self, factor: float) -> Term:
        """With every deviation of the concept multiplied."""
        return Term(self.main * factor**2, self.shared * factor, self.squares * factor**2)

    def plus(self, other: Term, factor: float, before: float = 0.0) -> Term:
        """With `other` at `factor`, where it was at `before`."""
        more = factor**2 - before**2
        return Term(
            self.main + more * other.main,
            self.shared + (factor - before) * other.shared,
            self.squares + more * other.squares,
        )


@dataclass(frozen=True, slots=True)
class Sums:
    """A kernel as the terms of its concepts, and what all of them add up to."""

    terms: Mapping[str, Term]
    all: Term
    near: Floats

    def with_term(self, concept: str, term: Term) -> Sums:
        """With another term of `concept`."""
        before, whole = self.terms[concept], self.all
        return replace(
            self,
            terms={**self.terms, concept: term},
            all=Term(
                whole.main - before.main + term.main,
                whole.shared - before.shared + term.shared,
                whole.squares - before.squares + term.squares,
            ),
            near=self.near - before.near + term.near,
        )

    def kernel(self, pairs: float) -> Floats:
        """Main effects, and what two of them do to each other: within a concept more."""
        more = max(0.0, NEAR**2 - pairs**2)
        found: Floats = self.all.main + pairs**2 * self.all.near + more * self.near
        return found


@dataclass(frozen=True, slots=True)
class Grams:
    """Of pairs of configs, or of single ones with themselves: one term a flag, by its name.

    `concepts` has each flag's; they come in the order of the space.
    """

    concepts: Mapping[str, str]
    flags: Mapping[str, Term]

    def sums(self, scales: Scales) -> Sums:
        """The kernel under `scales`, in terms."""
        import numpy as np

        shape = next(iter(self.flags.values())).main.shape
        zero = Term(np.zeros(shape), np.zeros(shape), np.zeros(shape))
        terms = dict.fromkeys(self.concepts.values(), zero)
        for name, concept in self.concepts.items():
            factor = scales.stretch.get(concept, 1.0) * scales.own.get(name, 1.0)
            terms[concept] = terms[concept].plus(self.flags[name], factor)
        whole, near = zero, zero.main
        for term in terms.values():
            whole, near = whole.plus(term, 1.0), near + term.near
        return Sums(terms, whole, near)

    def kernel(self, scales: Scales) -> Floats:
        """All of it under `scales`."""
        return self.sums(scales).kernel(scales.pairs)


def grams_between(levels: Levels, a: Codes, b: Codes) -> Grams:
    """Of every config of `a` with every one of `b`."""
    import numpy as np

    return _grams(levels, lambda p, table: table[np.ix_(a[:, p], b[:, p])])


def grams_alone(levels: Levels, codes: Codes) -> Grams:
    """Of every config with itself."""
    return _grams(levels, lambda p, table: table[codes[:, p], codes[:, p]])


def _grams(levels: Levels, of: Callable[[int, Floats], Floats]) -> Grams:
    """`of` gives the part of a parameter's table that belongs to the pairs."""
    flags: dict[str, Term] = {}
    rows = zip(levels.space.parameters, levels.tables, levels.deviations, strict=True)
    for p, (parameter, table, deviation) in enumerate(rows):
        main = of(p, table)
        shared = main / deviation
        flags[parameter.name] = Term(main, shared, shared**2)
    return Grams({p.name: p.concept for p in levels.space.parameters}, flags)
