"""One budget for several engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autotune.search.anchor import is_anchor
from autotune.search.budget import CONFIRM_LEAST_SHARE, CONFIRM_MOST_SHARE, MARGIN, Budget
from autotune.search.contest.side import Side
from autotune.search.hurry import HOLD
from autotune.search.ledger import is_trial_arm
from autotune.trial.patience import Patience


@dataclass(slots=True)
class ContestBudget:
    """The limits of `total` over all engines together; every engine's default is always measured.

    What is kept back for the confirmation is a replay of the held-out sessions for every arm and
    block, each at its own engine's cost, between a tenth and a half of the time.
    """

    total: Budget
    blocks: int

    def allows(self, side: Side, sides: Sequence[Side]) -> bool:
        """Whether one more trial of `side` fits."""
        if not side.ledger.measured:
            return True
        limit = self.total.limit_s
        if self.total.trials is not None and _measured(sides) >= self.total.trials:
            return False
        if limit is None:
            return True
        needed = side.ledger.typical_s + self.reserve_s(sides)
        return self.total.elapsed_s() + needed <= limit

    def reserve_s(self, sides: Sequence[Side]) -> float:
        """Seconds kept back for the confirmation."""
        limit = self.total.limit_s
        if limit is None:
            return 0.0
        least, most = CONFIRM_LEAST_SHARE * limit, CONFIRM_MOST_SHARE * limit
        return min(max(MARGIN * self.confirm_s(sides), least), most)

    def confirm_s(self, sides: Sequence[Side]) -> float:
        """What every block of every arm takes, by what each engine's trials took."""
        return self.blocks * sum(s.arms * launch_s(s) for s in sides)

    def trials_left(self, side: Side, sides: Sequence[Side]) -> float:
        """Trials that `side` would still get if the rest were shared evenly; never below 0."""
        lefts = []
        if self.total.trials is not None:
            lefts.append(float(self.total.trials - _measured(sides)))
        if self.total.limit_s is not None and side.ledger.typical_s > 0:
            rest_s = self.total.limit_s - self.reserve_s(sides) - self.total.elapsed_s()
            lefts.append(rest_s / side.ledger.typical_s)
        return max(0.0, min(lefts, default=0.0)) / len(sides)

    def seconds_left(self, sides: Sequence[Side]) -> float | None:
        """How long the run still takes; ``None`` before anything was measured."""
        ends = []
        if self.total.limit_s is not None:
            ends.append(max(0.0, self.total.limit_s - self.total.elapsed_s()))
        if self.total.trials is not None and (known := [s for s in sides if s.ledger.measured]):
            mean_s = sum(s.ledger.typical_s for s in known) / len(known)
            left = max(0, self.total.trials - _measured(sides))
            ends.append(left * mean_s + self.confirm_s(sides))
        return min(ends) if ends else None

    def patience(
        self,
        sides: Callable[[], Sequence[Side]],
        hold_left_s: Callable[[], float | None] = lambda: None,
    ) -> Patience:
        """How long one engine of the contest may be silent; each has its own, as one may load for
        minutes and another for seconds. `sides` gives all of them at the moment.

        A trial or an anchor that hangs must leave the confirmation its part, as in a study of one
        engine (`autotune.search.hurry`).
        """
        total, limit_s = self.total, self.total.limit_s

        def left_s(arm: str) -> float | None:
            if arm.startswith(HOLD):
                return hold_left_s()
            if limit_s is None:
                return None
            kept_s = self.reserve_s(sides()) if is_trial_arm(arm) or is_anchor(arm) else 0.0
            return limit_s - kept_s - total.elapsed_s()

        return Patience(limit_s=limit_s, left_s=left_s)


def launch_s(side: Side) -> float:
    """What one launch of `side` on the held-out sessions takes."""
    return side.confirm_share * side.ledger.typical_s


def _measured(sides: Sequence[Side]) -> int:
    return sum(len(side.ledger.measured) for side in sides)
