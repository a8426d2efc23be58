"""Which changes of a winner do nothing: the smallest change that keeps the gain.

A change is needless when its worth lies within the noise floor: all of its interval does, or its
worth does, nothing shows that it helps, and it cannot be much. How much is too much goes by the
gain: of a config that is 8% faster than the default nothing is dropped that may be worth 4%.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autotune.search.change_groups import Group
from autotune.search.effects import Basis, Effect, Effects
from autotune.search.ledger import Entry

MOST_NOISE = math.log(1.03)
"""A floor above this does not make a change needless: a loud machine hides what matters."""

MOST_RISK = math.log(1.1)
"""What a change that is dropped may be worth at the most, by its interval."""

LOSS_OF_GAIN, RISK_OF_GAIN = 0.25, 0.5
"""The same as shares of what the config gains over the default, in log time."""

LEAST_TRIAL_NOISE, MOST_TRIAL_NOISE = math.log(1.02), math.log(1.05)
"""Within which bounds the floor says whether one trial of the smaller config keeps the gain."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What counts as nothing, in log time. `loss` bounds a change's worth, `risk` the upper end of
    its interval, `trial` what one trial of the smaller config may be slower by."""

    loss: float
    risk: float
    trial: float

    @classmethod
    def of(cls, gain: float, floor: float) -> Bar:
        """By the `gain` over the default and the noise `floor`, both in log time."""
        trial = min(max(floor, LEAST_TRIAL_NOISE), MOST_TRIAL_NOISE)
        return cls(
            loss=min(floor, MOST_NOISE, LOSS_OF_GAIN * gain),
            risk=min(MOST_RISK, RISK_OF_GAIN * gain),
            trial=min(trial, RISK_OF_GAIN * gain),
        )

    def is_needless(self, effect: Effect) -> bool:
        """Whether the change may be dropped, by a measurement; a guess drops nothing."""
        if effect.basis is Basis.GUESS or effect.ratio is None:
            return False
        if effect.low is None or effect.high is None:
            return False
        low, worth, high = (math.log(v) for v in (effect.low, effect.ratio, effect.high))
        return high <= self.loss or (low <= 0.0 and worth <= self.loss and high <= self.risk)

    def is_suspect(self, effect: Effect | None) -> bool:
        """Whether a change may turn out needless: nothing says that it helps."""
        if effect is None:
            return True
        return effect.failure is None and (effect.low is None or effect.low <= 1.0)

    def keeps(self, entry: Entry, smaller: Entry) -> bool:
        """Whether the trial of the smaller config is as fast as `entry`, as far as one can tell."""
        if entry.value is None or smaller.value is None:
            return False
        return math.log(smaller.value / entry.value) <= self.trial


def gain_of(entry: Entry, default: Entry | None) -> float:
    """The log of the default's value over the config's; 0 where one is missing."""
    if default is None or not default.value or not entry.value:
        return 0.0
    return math.log(default.value / entry.value)


def droppable(
    groups: Sequence[Group],
    effects: Effects,
    together: tuple[Sequence[Group], Effect] | None,
    bar: Bar,
) -> tuple[Group, ...]:
    """The changes to be dropped: all suspects where that was measured to do nothing, else each
    one that does nothing by itself.

    Never all of `groups`: that would be the default. The one that is worth most stays.
    """
    alone = [g for g in groups if g.name in effects and bar.is_needless(effects[g.name])]
    if together is not None and bar.is_needless(together[1]):
        names = {g.name for g in together[0]}
        alone = [g for g in groups if g.name in names]
    if len(alone) == len(groups):
        most = max(alone, key=lambda g: _worth(effects.get(g.name)))
        alone = [g for g in alone if g is not most]
    return tuple(alone)


def _worth(effect: Effect | None) -> float:
    return 0.0 if effect is None or effect.ratio is None else effect.ratio
