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
from autotune.search.grams import Grams, Scales, grams_alone, grams_between
from autotune.search.levels import Levels
from autotune.search.likeliest import Likeliest

if TYPE_CHECKING:
    from autotune.search.levels import Codes, Floats

INTERCEPT = 1.0
"""The deviation of a study's level, in log time: known from its default, so nearly free."""

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
        own = grams_alone(self.levels, codes).kernel(self.scales) + INTERCEPT**2
        return mean, np.sqrt(np.maximum(own - (inner**2).sum(axis=0), JITTER))

    def joint(self, rows: Sequence[Values]) -> tuple[Floats, Floats]:
        """Mean and covariance of the log times of `rows` together."""
        from scipy.linalg import solve_triangular

        codes = self.levels.codes(rows)
        cross = self._cross(codes)
        mean = _mean(self.levels, codes) + cross @ self._weights
        inner = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        prior = grams_between(self.levels, codes, codes).kernel(self.scales) + INTERCEPT**2
        return mean, prior - inner.T @ inner

    def _cross(self, codes: Codes) -> Floats:
        """Covariance of `codes` in this study with the points."""
        import numpy as np

        alike = np.array([self.likeness.get(p.study, 0.0) if p.study else 1.0 for p in self.points])
        same = np.array([p.study == 0 for p in self.points])
        kernel = grams_between(self.levels, codes, self._codes).kernel(self.scales)
        found: Floats = kernel * alike + INTERCEPT**2 * same
        return found


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
    grams: Grams = field(init=False)

    def __post_init__(self) -> None:
        import numpy as np

        self.codes = self.levels.codes([p.values for p in self.points])
        self.studies = np.array([p.study for p in self.points])
        means = _mean(self.levels, self.codes)
        self.rest = np.array([p.log_time for p in self.points]) - means
        self.grams = grams_between(self.levels, self.codes, self.codes)

    def scales(self) -> Scales:
        """The likeliest ones."""
        parameters = enumerate(self.levels.space.parameters)
        moved = [parameter.name for p, parameter in parameters if self.codes[:, p].any()]
        shared, errors = self._shared(), self._errors()

        def evidence(kernel: Floats, noise: float) -> float:
            return self.evidence(self._covariance(kernel, noise, shared, errors))

        return Likeliest(self.grams, moved, evidence).found()

    def _shared(self) -> Floats:
        """How much two points tell of each other: what two studies share is the product of their
        likenesses to this one."""
        import numpy as np

        alike = np.array([1.0 if s == 0 else self.likeness.get(int(s), 0.0) for s in self.studies])
        found: Floats = np.where(self._same(), 1.0, alike[:, None] * alike[None, :])
        return found

    def _same(self) -> Floats:
        found: Floats = self.studies[:, None] == self.studies[None, :]
        return found

    def _errors(self) -> Floats:
        import numpy as np

        return np.array([p.error for p in self.points])

    def _covariance(self, kernel: Floats, noise: float, shared: Floats, errors: Floats) -> Floats:
        """Between all points, noise included."""
        import numpy as np

        found: Floats = kernel * shared + INTERCEPT**2 * self._same()
        found[np.diag_indices(len(self.points))] += (noise * errors) ** 2 + JITTER
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

        kernel = self.grams.kernel(scales)
        covariance = self._covariance(kernel, scales.noise, self._shared(), self._errors())
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


def _mean(levels: Levels, codes: Codes) -> Floats:
    import numpy as np

    found = np.zeros(len(codes))
    for p, means in enumerate(levels.means):
        found += means[codes[:, p]]
    return found
