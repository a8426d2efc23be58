"""Whether a config has become slower since another night, from a few turns measured then and now.

Turn by turn the seconds of tonight are laid over those of then; the median of the log-ratios is how
far it moved, with the standard error of that median.

**Floor.** A noise floor says by how much two runs of one config differ that are made one after the
other. Between two nights lies more: another temperature, another boot, memory laid out anew, other
clocks. So the floor between nights is twice that floor, and never below 8%: a canary that cries
wolf costs a whole retune. What is slower by less is not seen in one night. On a loud machine twice
the floor would see nothing any more: a build that takes a quarter longer is worth the risk of a
retune for nothing, so from there on the floor between nights grows by a quarter over the other.

**Looks.** One launch may be a bad one. What went half as far as the floor is looked at again, and
drift is what both looks together say and each by itself says half of.

**Whose drift.** The engine's defaults are asked beside the config, then and now. Where they moved
alike, the machine or the build as a whole is slower; where they did not, it is this config. Both
are a reason to tune again, as the best config of a slower machine may be another one. Where the
machine has become faster, the config's loss against the defaults counts by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from autotune.search.anchor import ERRORS, Drift, Look, drift

NIGHT_FACTOR = 2.0
"""Over the floor of runs that are made one after the other."""

LEAST_FLOOR = math.log(1.08)

BLUNT_FLOOR = math.log(1.25)
"""Between nights, beyond which `LOUD_FACTOR` counts instead."""

LOUD_FACTOR = 1.25

BESIDE_FACTOR = math.sqrt(2.0)
"""Of a difference of two shifts, each of which has the floor."""

LOOKS = 2
"""A drift is called by so many that agree."""

LEAN = 0.5
"""Of the floor: from there on it is looked at again."""

Seconds = Mapping[tuple[str, int], float]
"""What turns took, by session and index."""


def night_floor(half_width: float) -> float:
    """How far two nights may lie apart, as a log-ratio, where nothing has changed.

    `half_width` is of two runs that are made one after the other.
    """
    usual = max(LEAST_FLOOR, NIGHT_FACTOR * half_width)
    return min(usual, max(BLUNT_FLOOR, LOUD_FACTOR * half_width))


def shift(then: Seconds, now: Seconds) -> Drift:
    """The median log-ratio of the turns that both have; without one where they are too few."""
    return drift(Look(0, then, 0.0), Look(1, now, 0.0))


def together(looks: Sequence[Seconds]) -> dict[tuple[str, int], float]:
    """Several looks as one: the geometric mean of each turn over the looks that have it."""
    keys = dict.fromkeys(key for look in looks for key in look)
    return {
        key: math.exp(fmean(math.log(look[key]) for look in looks if key in look)) for key in keys
    }


@dataclass(frozen=True, slots=True)
class Moved:
    """How far the config and the defaults moved.

    `half_width` is the noise of two runs that are made one after the other, a log-ratio.
    """

    live: Drift
    default: Drift | None
    half_width: float

    @property
    def floor(self) -> float:
        """How far two nights may lie apart, a log-ratio."""
        return night_floor(self.half_width)

    @property
    def ratio(self) -> float | None:
        """Seconds now over then."""
        return None if self.live.shift is None else math.exp(self.live.shift)

    @property
    def machine_ratio(self) -> float | None:
        """The same of the defaults."""
        told = self.default is not None and self.default.shift is not None
        return math.exp(self.default.shift or 0.0) if told and self.default is not None else None

    @property
    def is_slower(self) -> bool:
        """Whether the config is slower than two nights may differ."""
        return self.live.disagrees(self.floor) and (self.live.shift or 0.0) > 0

    @property
    def is_faster(self) -> bool:
        """Whether it is faster by as much: then what it is compared with was a bad moment."""
        return self.live.disagrees(self.floor) and (self.live.shift or 0.0) < 0

    @property
    def has_lost(self) -> bool:
        """Whether it lost that much against the defaults, whatever the machine does."""
        beside = self.beside
        if beside is None or self.default is None:
            return False
        error = math.hypot(self.live.error or 0.0, self.default.error or 0.0)
        return beside > max(BESIDE_FACTOR * self.floor, ERRORS * error)

    @property
    def beside(self) -> float | None:
        """How much more than the defaults it moved, a log-ratio."""
        if self.default is None or self.default.shift is None or self.live.shift is None:
            return None
        return self.live.shift - self.default.shift

    @property
    def drifted(self) -> bool:
        """Whether it is a reason to tune again."""
        return self.is_slower or self.has_lost

    @property
    def leans_slower(self) -> bool:
        """Whether it went half the way to drift, on either count."""
        beside = BESIDE_FACTOR * LEAN * self.floor
        return (self.live.shift or 0.0) > LEAN * self.floor or (self.beside or 0.0) > beside

    @property
    def leans_faster(self) -> bool:
        """Whether it went half the way to being faster."""
        return (self.live.shift or 0.0) < -LEAN * self.floor

    @property
    def leans(self) -> bool:
        """Whether it is worth a second look."""
        return self.leans_slower or self.leans_faster

    def interval(self, looks: int) -> tuple[float, float] | None:
        """The bounds of `ratio`: two standard errors of the turns, and the noise of a launch."""
        if self.live.shift is None or self.live.error is None:
            return None
        launch = self.half_width / math.sqrt(max(1, looks))
        reach = math.hypot(ERRORS * self.live.error, launch)
        return math.exp(self.live.shift - reach), math.exp(self.live.shift + reach)


def agree(looks: Sequence[Moved], both: Moved) -> bool:
    """Whether there were `LOOKS`, each of which went half the way that is said of `both` together.

    That nothing moved needs no second look.
    """
    if both.drifted:
        return len(looks) >= LOOKS and all(look.leans_slower for look in looks)
    if both.is_faster:
        return len(looks) >= LOOKS and all(look.leans_faster for look in looks)
    return True


def words(moved: Moved) -> str:
    """What is to be said of it, without a full stop."""
    if moved.ratio is None:
        return f"only {moved.live.turns} turns could be compared, which says nothing"
    figure = f"{moved.ratio:.2f}x the seconds of then"
    if moved.is_slower:
        return f"drift: {figure}, {_whose(moved)}"
    if moved.has_lost:
        return f"drift: {figure}, while the defaults take {moved.machine_ratio:.2f}x"
    allowed = f"two nights may differ by {math.exp(moved.floor):.2f}x"
    if moved.is_faster:
        return f"faster: {figure}; {allowed}"
    return f"steady: {figure}; {allowed}"


def _whose(moved: Moved) -> str:
    if moved.machine_ratio is None:
        return "and the defaults could not be asked whether that is the machine"
    if moved.has_lost:
        return f"and the defaults take {moved.machine_ratio:.2f}x: it is this config"
    return f"and the defaults take {moved.machine_ratio:.2f}x: it is the machine or the engine"
