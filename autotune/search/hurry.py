"""How long a study waits for a silent engine: what its budget has left for what is measured."""

from __future__ import annotations

from collections.abc import Callable

from autotune.search.anchor import is_anchor
from autotune.search.budget import Budget
from autotune.search.ledger import Ledger, is_trial_arm
from autotune.trial.patience import Patience

HOLD = "hold-"
"""How the launches begin that fill a winner."""


def patience_of(
    budget: Budget,
    ledger: Callable[[], Ledger],
    hold_left_s: Callable[[], float | None] = lambda: None,
) -> Patience:
    """The patience of a study under `budget`; `ledger` gives what it knows at the moment.

    A trial or an anchor that hangs must leave the confirmation its part; the confirmation has all
    that is left. What is kept back for holding is not this budget's: `hold_left_s` says what is
    left for that.
    """

    def left_s(arm: str) -> float | None:
        if is_trial_arm(arm) or is_anchor(arm):
            return budget.until_late_s(ledger())
        return hold_left_s() if arm.startswith(HOLD) else budget.confirm_left_s()

    return Patience(limit_s=budget.limit_s, left_s=left_s)
