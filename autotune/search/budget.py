"""How long a study may take, and what is kept back to prove its winner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autotune.search.ledger import Entry, Ledger
from autotune.search.planned import FEWER

CONFIRM_LEAST_SHARE = 0.1
CONFIRM_MOST_SHARE = 0.5

MARGIN = 1.25
"""On what the confirmation is reckoned to take. Held-out sessions are not the searched ones, and
the default, measured as often as the winner, is slower than the trials that it is reckoned by."""

LATE = 0.02
"""Of the limit: how far into what is kept back a trial may run that takes longer than usual."""

LATE_BLOCK = 0.03
"""Of the limit: how late a block of the confirmation may end. Two blocks prove nothing (Student's t
has one degree of freedom), so the time of all of them is lost where the third is left out."""


@dataclass(slots=True)
class Budget:
    """Both limits hold when both are given; at least the default is always measured.

    `limit_s` counts the engine-seconds of earlier runs of the study too (`spent_before_s`).
    `confirm_launches` says how many launches the confirmation wants, by what is known so far;
    `confirm_share_of_trial` is the cost of one against a trial's. They size what is kept back,
    between a tenth and a half. `effects_s` is kept back beside it, for telling what each change of
    the winner is worth.
    """

    limit_s: float | None
    trials: int | None
    clock: Callable[[], float]
    started_s: float
    spent_before_s: float = 0.0
    confirm_launches: Callable[[Ledger], int] = lambda _: 0
    confirm_share_of_trial: float = 1.0
    effects_s: Callable[[Ledger], float] = lambda _: 0.0

    def elapsed_s(self) -> float:
        """Since the study began, pauses between runs not counted."""
        return self.spent_before_s + self.clock() - self.started_s

    def allows(self, ledger: Ledger, pending: int = 0) -> bool:
        """Whether one more trial fits, beside those that others have under way."""
        if self.trials is not None and len(searched(ledger)) + pending >= self.trials:
            return False
        if self.limit_s is None or not ledger.measured:
            return True
        return self.elapsed_s() + ledger.typical_s <= self.limit_s - self.reserve_s(ledger)

    def is_over(self, ledger: Ledger) -> bool:
        """Whether a trial under way takes what is kept back for the confirmation."""
        left_s = self.until_late_s(ledger)
        return left_s is not None and left_s < 0.0

    def until_late_s(self, ledger: Ledger) -> float | None:
        """Seconds until a trial under way `is_over`; ``None`` without a limit."""
        if self.limit_s is None:
            return None
        return (1 + LATE) * self.limit_s - self.reserve_s(ledger) - self.elapsed_s()

    def reserve_s(self, ledger: Ledger) -> float:
        """Seconds kept back for what comes after the search."""
        if self.limit_s is None:
            return 0.0
        return self.confirm_reserve_s(ledger) + self.effects_s(ledger)

    def confirm_reserve_s(self, ledger: Ledger) -> float:
        """Seconds kept back for the confirmation."""
        if self.limit_s is None:
            return 0.0
        launch_s = self.confirm_share_of_trial * ledger.typical_s
        wanted = MARGIN * self.confirm_launches(ledger) * launch_s
        least, most = CONFIRM_LEAST_SHARE * self.limit_s, CONFIRM_MOST_SHARE * self.limit_s
        return min(max(wanted, least), most)

    def seconds_left(self, ledger: Ledger) -> float | None:
        """How long the run still takes: the rest of the budget, or trials left at their cost."""
        ends = []
        if self.limit_s is not None:
            ends.append(max(0.0, self.limit_s - self.elapsed_s()))
        if self.trials is not None:
            left = max(0, self.trials - len(searched(ledger)))
            confirm = self.confirm_launches(ledger) * self.confirm_share_of_trial
            ends.append(ledger.typical_s * (left + confirm))
        return min(ends) if ends else None

    def search_left_s(self, ledger: Ledger) -> float | None:
        """What the search may still take, the confirmation's part kept back; ``None`` for no
        limit."""
        if self.limit_s is None:
            return None
        return self.limit_s - self.elapsed_s() - self.reserve_s(ledger)

    def confirm_left_s(self) -> float | None:
        """What the confirmation may still take; ``None`` without a limit."""
        return None if self.limit_s is None else self.limit_s - self.elapsed_s()

    def block_left_s(self) -> float | None:
        """What a block that was promised may still take, a little late; ``None`` without a
        limit."""
        if self.limit_s is None:
            return None
        return (1 + LATE_BLOCK) * self.limit_s - self.elapsed_s()


def searched(ledger: Ledger) -> list[Entry]:
    """Trials that the search itself asked for: those that count against their number."""
    return [e for e in ledger.measured if not e.label.startswith(FEWER)]
