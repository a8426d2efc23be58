"""The likeliest scales of a surrogate, by coordinate ascent over a few values of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from autotune.search.grams import Grams, Scales, Sums

if TYPE_CHECKING:
    from autotune.search.levels import Floats

PAIRS = (0.1, 0.4)
"""The deviation of what two flags do to each other, as a share of the geometric mean of theirs: the
likelier one is taken."""

STRETCH = (0.5, 1.0, 2.0, 4.0)
"""Factors on the deviations of a concept's flags that are tried; the likeliest is taken."""

OWN = (0.25, 0.5, 1.0, 2.0)
"""The same for each flag that was moved: one that did nothing is not expected to do something
beside another one."""

NOISES = (1.0, 2.0, 4.0, 8.0)
"""Factors on the points' own errors that are tried, likewise: machines differ."""

Evidence = Callable[["Floats", float], float]
"""How likely the points are, as a log density, by a kernel and the factor on their errors."""


@dataclass(slots=True)
class Likeliest:
    """`moved` are the flags that some point has at another value than the default."""

    grams: Grams
    moved: Sequence[str]
    evidence: Evidence
    scales: Scales = field(default_factory=lambda: Scales({}, 1.0, PAIRS[0]))

    def found(self) -> Scales:
        """Each concept in turn, then noise and pairs, then each flag."""
        sums = self.grams.sums(self.scales)
        for concept in dict.fromkeys(self.grams.concepts[name] for name in self.moved):
            sums = self._stretched(sums, concept)
        tried = [replace(self.scales, noise=n, pairs=p) for n in NOISES for p in PAIRS]
        self.scales = max(tried, key=lambda one: self._worth(sums, one))
        for name in self.moved:
            sums = self._own(sums, name)
        return self.scales

    def _stretched(self, sums: Sums, concept: str) -> Sums:
        rows = []
        for factor in STRETCH:
            scales = replace(self.scales, stretch={**self.scales.stretch, concept: factor})
            other = sums.with_term(concept, sums.terms[concept].times(factor))
            rows.append((self._worth(other, scales), factor, other, scales))
        _, _, other, self.scales = max(rows, key=lambda row: row[:2])
        return other

    def _own(self, sums: Sums, name: str) -> Sums:
        concept, flag = self.grams.concepts[name], self.grams.flags[name]
        usual = self.scales.stretch.get(concept, 1.0)
        rows = []
        for factor in OWN:
            scales = replace(self.scales, own={**self.scales.own, name: factor})
            other = sums
            if factor != 1.0:
                term = sums.terms[concept].plus(flag, usual * factor, usual)
                other = sums.with_term(concept, term)
            rows.append((self._worth(other, scales), factor, other, scales))
        _, _, other, self.scales = max(rows, key=lambda row: row[:2])
        return other

    def _worth(self, sums: Sums, scales: Scales) -> float:
        """The log evidence, and a log-normal prior on the factors (a factor of 2 is one sigma)."""
        factors = (*scales.stretch.values(), *scales.own.values(), scales.noise)
        prior = -0.5 * sum(math.log2(factor) ** 2 for factor in factors)
        return self.evidence(sums.kernel(scales.pairs), scales.noise) + prior
