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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.levels import Levels

if TYPE_CHECKING:
    from autotune.search.levels import Codes, Floats

PAIRS = 0.3
"""The deviation of what two flags do to each other, as a share of the geometric mean of theirs."""

INTERCEPT = 1.0
"""The deviation of a study's level, in log time: known from its default, so nearly free."""

STRETCH = (0.5, 1.0, 2.0)
"""The scales that are tried; the one under which the measurements are likeliest is taken."""

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
class Surrogate:
    """A fitted process; `log_evidence` is how likely the points of this study are under it."""

    levels: Levels
    points: tuple[Point, ...]
    stretch: float
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
        mean = _mean(self.levels, codes, self.stretch) + cross @ self._weights
        inner = solve_triangular(self._factor, cross.T, lower=True)
        own = _diagonal(self.levels, codes, self.stretch) + INTERCEPT**2
        return mean, np.sqrt(np.maximum(own - (inner**2).sum(axis=0), JITTER))

    def joint(self, rows: Sequence[Values]) -> tuple[Floats, Floats]:
        """Mean and covariance of the log times of `rows` together."""
        from scipy.linalg import solve_triangular

        codes = self.levels.codes(rows)
        cross = self._cross(codes)
        mean = _mean(self.levels, codes, self.stretch) + cross @ self._weights
        inner = solve_triangular(self._factor, cross.T, lower=True)
        prior = _kernel(self.levels, codes, codes, self.stretch) + INTERCEPT**2
        return mean, prior - inner.T @ inner

    def _cross(self, codes: Codes) -> Floats:
        """Covariance of `codes` in this study with the points."""
        import numpy as np

        alike = np.array([self.likeness.get(p.study, 0.0) if p.study else 1.0 for p in self.points])
        same = np.array([p.study == 0 for p in self.points])
        found: Floats = _kernel(self.levels, codes, self._codes, self.stretch) * alike
        return found + INTERCEPT**2 * same


def fit(
    levels: Levels,
    points: Sequence[Point],
    likeness: Mapping[int, float] | None = None,
    stretches: Sequence[float] = STRETCH,
) -> Surrogate:
    """The likeliest of the stretches of the prior. `likeness` is the correlation by study.

    Raises ``ValueError`` without a point of this study.
    """
    if not any(point.study == 0 for point in points):
        raise ValueError("nothing of this study was measured")
    alike = dict(likeness or {})
    return max(
        (_fitted(levels, tuple(points), stretch, alike) for stretch in stretches),
        key=lambda s: (s.log_evidence, -abs(math.log(s.stretch))),
    )


def _fitted(
    levels: Levels, points: tuple[Point, ...], stretch: float, likeness: Mapping[int, float]
) -> Surrogate:
    import numpy as np
    from scipy.linalg import cho_solve

    codes = levels.codes([p.values for p in points])
    studies = np.array([p.study for p in points])
    covariance = _covariance(levels, codes, studies, stretch, likeness)
    covariance[np.diag_indices(len(points))] += [p.error**2 + JITTER for p in points]
    factor = np.linalg.cholesky(covariance)
    rest = np.array([p.log_time for p in points]) - _mean(levels, codes, stretch)
    weights = cho_solve((factor, True), rest)
    evidence = _evidence(covariance, rest, studies)
    return Surrogate(
        levels, points, stretch, likeness, evidence, codes, np.asarray(factor), np.asarray(weights)
    )


def _evidence(covariance: Floats, rest: Floats, studies: Codes) -> float:
    """The log density of this study's points, given those of the earlier ones."""
    whole = _log_density(covariance, rest)
    earlier = studies != 0
    if not earlier.any():
        return whole
    return whole - _log_density(covariance[earlier][:, earlier], rest[earlier])


def _log_density(covariance: Floats, rest: Floats) -> float:
    import numpy as np
    from scipy.linalg import solve_triangular

    factor = np.linalg.cholesky(covariance)
    scaled = solve_triangular(factor, rest, lower=True)
    size = len(rest)
    return float(
        -0.5 * scaled @ scaled - np.log(np.diag(factor)).sum() - 0.5 * size * math.log(2 * math.pi)
    )


def _covariance(
    levels: Levels, codes: Codes, studies: Codes, stretch: float, likeness: Mapping[int, float]
) -> Floats:
    """Between all points: what two studies share is the product of their likenesses to this one."""
    import numpy as np

    alike = np.array([1.0 if study == 0 else likeness.get(int(study), 0.0) for study in studies])
    same = studies[:, None] == studies[None, :]
    shared = np.where(same, 1.0, alike[:, None] * alike[None, :])
    found: Floats = _kernel(levels, codes, codes, stretch) * shared + INTERCEPT**2 * same
    return found


def _kernel(levels: Levels, a: Codes, b: Codes, stretch: float) -> Floats:
    """Main effects, and products of two of them (Newton's identity instead of a double sum)."""
    import numpy as np

    main = np.zeros((len(a), len(b)))
    scaled, squares = np.zeros_like(main), np.zeros_like(main)
    for p, table in enumerate(levels.tables):
        term = table[np.ix_(a[:, p], b[:, p])]
        main += term
        one = term / levels.deviations[p]
        scaled += one
        squares += one**2
    return stretch**2 * (main + PAIRS**2 * 0.5 * (scaled**2 - squares))


def _diagonal(levels: Levels, codes: Codes, stretch: float) -> Floats:
    import numpy as np

    main = np.zeros(len(codes))
    scaled, squares = np.zeros_like(main), np.zeros_like(main)
    for p, table in enumerate(levels.tables):
        term = table[codes[:, p], codes[:, p]]
        main += term
        one = term / levels.deviations[p]
        scaled += one
        squares += one**2
    return stretch**2 * (main + PAIRS**2 * 0.5 * (scaled**2 - squares))


def _mean(levels: Levels, codes: Codes, stretch: float) -> Floats:
    import numpy as np

    found = np.zeros(len(codes))
    for p, means in enumerate(levels.means):
        found += means[codes[:, p]]
    return stretch * found
