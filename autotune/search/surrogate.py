"""What a study knows of its space: effects of single flags that add up, and a little of pairs.

A Gaussian process over the logarithm of the time. Its kernel is additive (Duvenaud, Nickisch and
Rasmussen, "Additive Gaussian processes", 2011): one term a parameter over its levels (`levels`),
and their products for pairs. Ten trials can say something of eighteen flags only where most of what
a flag does is the same whatever the others are; that is what the additive kernel assumes, and the
pairs are what corrects it.

Trials of earlier studies are points of the same process, with an intercept of their own and a
correlation below 1 to what is measured here: the less alike, the less they tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.levels import Levels

if TYPE_CHECKING:
    from autotune.search.levels import Codes, Floats

PAIRS = (0.1, 0.4)
"""The deviation of what two flags do to each other, as a share of the geometric mean of theirs: the
likelier one is taken."""

INTERCEPT = 1.0
"""The deviation of a study's level, in log time: known from its default, so nearly free."""

STRETCH = (0.5, 1.0, 2.0, 4.0)
"""Factors on the deviations of a concept's flags that are tried; the likeliest is taken."""

SWEEPS = 1
"""Times that every concept has its turn at that."""

NOISES = (1.0, 2.0, 4.0, 8.0)
"""Factors on the points' own errors that are tried, likewise: machines differ."""

JITTER = 1e-9

Values = Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Point:
    """One config measured. `log_time` is the log of its value over its own study's default.

    `error` is the standard deviation of that by noise. `study` is 0 for this study.
    """

    values: Values
    log_time: float
    error: float
    study: int = 0


@dataclass(frozen=True, slots=True)
class Scales:
    """`stretch` is a factor on each parameter's deviation, `noise` one on every point's error;
    `pairs` is one of `PAIRS`."""

    stretch: Sequence[float]
    noise: float = 1.0
    pairs: float = PAIRS[0]


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A fitted process; `log_evidence` is how likely the points of this study are under it.

    `likeness` is the correlation with each earlier study.
    """

    levels: Levels
    points: tuple[Point, ...]
    scales: Scales
    likeness: Mapping[int, float]
    log_evidence: float
    _codes: Codes
    _factor: Floats
    _weights: Floats

    def predict(self, rows: Sequence[Values]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the log time of each of `rows`, without noise."""
        import numpy as np
        from scipy.linalg import solve_triangular

        codes = self.levels.codes(rows)
        cross = self._cross(codes)
        mean = _mean(self.levels, codes) + cross @ self._weights
        inner = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        own = _diagonal(self.levels, codes, self.scales) + INTERCEPT**2
        return mean, np.sqrt(np.maximum(own - (inner**2).sum(axis=0), JITTER))

    def joint(self, rows: Sequence[Values]) -> tuple[Floats, Floats]:
        """Mean and covariance of the log times of `rows` together."""
        from scipy.linalg import solve_triangular

        codes = self.levels.codes(rows)
        cross = self._cross(codes)
        mean = _mean(self.levels, codes) + cross @ self._weights
        inner = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        prior = _kernel(self.levels, codes, codes, self.scales) + INTERCEPT**2
        return mean, prior - inner.T @ inner

    def _cross(self, codes: Codes) -> Floats:
        """Covariance of `codes` in this study with the points."""
        import numpy as np

        alike = np.array([self.likeness.get(p.study, 0.0) if p.study else 1.0 for p in self.points])
        same = np.array([p.study == 0 for p in self.points])
        found: Floats = _kernel(self.levels, codes, self._codes, self.scales) * alike
        return found + INTERCEPT**2 * same


def fit(
    levels: Levels, points: Sequence[Point], likeness: Mapping[int, float] | None = None
) -> Surrogate:
    """With the likeliest scales of every concept and of the noise, near 1 unless the points say
    otherwise. `likeness` is the correlation by study.

    Raises ``ValueError`` without a point of this study.
    """
    if not any(point.study == 0 for point in points):
        raise ValueError("nothing of this study was measured")
    fitting = _Fitting(levels, tuple(points), dict(likeness or {}))
    return fitting.fitted(fitting.scales())


@dataclass(slots=True)
class _Fitting:
    """Points on their way to a surrogate."""

    levels: Levels
    points: tuple[Point, ...]
    likeness: Mapping[int, float]
    codes: Codes = field(init=False)
    studies: Codes = field(init=False)
    rest: Floats = field(init=False)

    def __post_init__(self) -> None:
        import numpy as np

        self.codes = self.levels.codes([p.values for p in self.points])
        self.studies = np.array([p.study for p in self.points])
        means = _mean(self.levels, self.codes)
        self.rest = np.array([p.log_time for p in self.points]) - means

    def scales(self) -> Scales:
        """By coordinate ascent: each concept in turn, then noise and pairs."""
        names = [p.concept for p in self.levels.space.parameters]
        moved = [names[p] for p in range(len(names)) if self.codes[:, p].any()]
        by_concept = dict.fromkeys(names, 1.0)
        noise, pairs, best = 1.0, PAIRS[0], -math.inf
        for _ in range(SWEEPS):
            before = best
            for concept in dict.fromkeys(moved):
                tried = [{**by_concept, concept: s} for s in STRETCH]
                rows = [(self._worth(one, noise, pairs), at) for at, one in enumerate(tried)]
                best, at = max(rows)
                by_concept = tried[at]
            best, noise, pairs = max(
                (self._worth(by_concept, n, p), n, p) for n in NOISES for p in PAIRS
            )
            if best <= before + 1e-6:
                break
        return Scales([by_concept[name] for name in names], noise, pairs)

    def _worth(self, by_concept: Mapping[str, float], noise: float, pairs: float) -> float:
        """The log evidence, and a log-normal prior on the factors (a factor of 2 is one sigma)."""
        stretch = [by_concept[p.concept] for p in self.levels.space.parameters]
        prior = -0.5 * sum(math.log2(s) ** 2 for s in (*by_concept.values(), noise))
        return self.evidence(self.covariance(Scales(stretch, noise, pairs))) + prior

    def covariance(self, scales: Scales) -> Floats:
        """Between all points, noise included: what two studies share is the product of their
        likenesses to this one."""
        import numpy as np

        alike = np.array([1.0 if s == 0 else self.likeness.get(int(s), 0.0) for s in self.studies])
        same = self.studies[:, None] == self.studies[None, :]
        shared = np.where(same, 1.0, alike[:, None] * alike[None, :])
        found: Floats = _kernel(self.levels, self.codes, self.codes, scales) * shared
        found += INTERCEPT**2 * same
        found[np.diag_indices(len(self.points))] += [
            (scales.noise * p.error) ** 2 + JITTER for p in self.points
        ]
        return found

    def evidence(self, covariance: Floats) -> float:
        """The log density of this study's points, given those of the earlier ones."""
        whole = _log_density(covariance, self.rest)
        earlier = self.studies != 0
        if not earlier.any():
            return whole
        return whole - _log_density(covariance[earlier][:, earlier], self.rest[earlier])

    def fitted(self, scales: Scales) -> Surrogate:
        """The process with these scales."""
        import numpy as np
        from scipy.linalg import cho_solve

        covariance = self.covariance(scales)
        factor = np.linalg.cholesky(covariance)
        weights = cho_solve((factor, True), self.rest)
        return Surrogate(
            self.levels, self.points, scales, self.likeness, self.evidence(covariance),
            self.codes, np.asarray(factor), np.asarray(weights),
        )  # fmt: skip


def _log_density(covariance: Floats, rest: Floats) -> float:
    import numpy as np
    from scipy.linalg import solve_triangular

    factor = np.linalg.cholesky(covariance)
    scaled = solve_triangular(factor, rest, lower=True, check_finite=False)
    half = 0.5 * len(rest) * math.log(2 * math.pi)
    return float(-0.5 * scaled @ scaled - np.log(np.diag(factor)).sum() - half)


def _kernel(levels: Levels, a: Codes, b: Codes, scales: Scales) -> Floats:
    """Main effects, and products of two of them (Newton's identity instead of a double sum)."""
    import numpy as np

    tables = [table[np.ix_(a[:, p], b[:, p])] for p, table in enumerate(levels.tables)]
    return _summed(levels, tables, scales)


def _diagonal(levels: Levels, codes: Codes, scales: Scales) -> Floats:
    tables = [table[codes[:, p], codes[:, p]] for p, table in enumerate(levels.tables)]
    return _summed(levels, tables, scales)


def _summed(levels: Levels, tables: Sequence[Floats], scales: Scales) -> Floats:
    import numpy as np

    main = np.zeros_like(tables[0])
    scaled, squares = np.zeros_like(main), np.zeros_like(main)
    for table, deviation, stretch in zip(tables, levels.deviations, scales.stretch, strict=True):
        one = table * (stretch / deviation)
        main += table * stretch**2
        scaled += one
        squares += one**2
    found: Floats = main + scales.pairs**2 * 0.5 * (scaled**2 - squares)
    return found


def _mean(levels: Levels, codes: Codes) -> Floats:
    import numpy as np

    found = np.zeros(len(codes))
    for p, means in enumerate(levels.means):
        found += means[codes[:, p]]
    return found
