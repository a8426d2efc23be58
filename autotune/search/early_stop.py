"""Whether a search that has budget left should end: nothing is left to gain that could be seen.

What is asked is not one trial's expected gain but that of the best config near by, were it known
which one it is: the expected value of perfect information over what may be tried next (Howard,
1966). No trial, and no row of trials, is expected to gain more than that. While it is above what
two measurements of one config differ by on this machine, the search goes on.

The surrogate believes that most flags do little, and would believe it of one that nobody tried. So
the search also goes on while a flag of the best config has a value that no trial had.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from autotune.candidate import Setting
from autotune.search.additive import Outlook, is_new
from autotune.search.known import Known
from autotune.search.ledger import COMPLETE
from autotune.search.planned import STEP
from autotune.search.proposals import singles

LEAST_TRIALS = 12
"""Measured to the end or stopped; before that little is known of what is usual in this space."""

LEAST_WHOLE = 3

MOST_FLOOR = math.log(1.05)
"""A floor above this is the machine's and not the user's: the search goes on to gain 5% even where
a single look cannot tell it, since the confirmation takes several."""

NEAR = 60
"""Configs that are looked at, the most promising ones."""

DRAWS = 200
"""Draws of what those configs may be worth, together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStop:
    """Why a search ended before its budget. `gain` and `floor` are shares of the best one's time.

    `after` counts the trials that were measured.
    """

    gain: float
    floor: float
    after: int

    @property
    def sentence(self) -> str:
        """For the screen."""
        return (
            f"the search ended before its budget, after {self.after} trials: what is left to try "
            f"is expected to gain {self.gain:.1%}, and less than {self.floor:.1%} is noise here "
            "(--no-early-stop goes on)"
        )

    def to_json(self) -> dict[str, Any]:
        """For ``result.json``."""
        return asdict(self)


def early_stop(known: Known, floor: float) -> EarlyStop | None:
    """Why the search should end now; ``None`` while it should not.

    `floor` is the noise floor as a log-ratio. It follows from what is known alone, so that a study
    that goes on decides the same.
    """
    measured = [entry for entry in known.ledger.measured if entry.value is not None]
    whole = [entry for entry in measured if entry.outcome == COMPLETE]
    if len(measured) < LEAST_TRIALS or len(whole) < LEAST_WHOLE:
        return None
    if untried(known):
        return None
    wanted = min(floor, MOST_FLOOR)
    gain = gain_left(known)
    if gain is None or gain >= wanted:
        return None
    return EarlyStop(
        gain=1.0 - math.exp(-gain), floor=1.0 - math.exp(-wanted), after=len(known.ledger.measured)
    )


def untried(known: Known) -> int:
    """How many values of the flags that apply to the best config no measured trial had, of those
    that are not refused beside it."""
    best = known.ledger.best
    if best is None:
        return 0
    seen = {
        (name, str(value))
        for entry in known.ledger.measured
        for name, value in entry.values.items()
    }
    near = singles(known.space, best.values)
    return sum(
        (name, value) not in seen and is_new(known, one.values)
        for one in near
        for name, value in [one.label.removeprefix(STEP).split(" ", 1)]
    )


def gain_left(known: Known) -> float | None:
    """The expected log-ratio by which the best config near by beats the best one so far.

    0 where nothing new is near; ``None`` before anything has a value.
    """
    outlook = Outlook.of(known)
    if outlook is None:
        return None
    rows: list[Mapping[str, Setting]] = []
    seen: set[str] = set()
    for proposal in outlook.ranked().proposals:
        words = repr(sorted(proposal.values.items()))
        if words not in seen and is_new(known, proposal.values):
            rows.append(proposal.values)
        seen.add(words)
        if len(rows) == NEAR:
            break
    return _expected_best(outlook, rows, known) if rows else 0.0


def _expected_best(outlook: Outlook, rows: list[Mapping[str, Setting]], known: Known) -> float:
    import numpy as np

    mean, covariance = outlook.surrogate.joint([outlook.best, *rows])
    rng = np.random.default_rng([known.seed, len(known.ledger.entries)])
    root = np.linalg.cholesky(covariance + 1e-8 * np.eye(len(mean)))
    drawn = mean + rng.standard_normal((DRAWS, len(mean))) @ root.T
    return float(np.maximum(0.0, drawn[:, 0] - drawn[:, 1:].min(axis=1)).mean())
