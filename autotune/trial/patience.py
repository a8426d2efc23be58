"""How long an engine may be silent before it has hung: by what was seen, and by what is left.

Of an engine of which nothing is known, a hang is told from a long prefill by waiting ten minutes. A
study knows more with every turn: what took several times as long as anything that ever answered has
hung, or could not win. What a budget has left bounds it as well, but never below that: no healthy
turn is taken for a hang because the time is short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autotune.records import TurnRecord

TIMES = 4.0
"""Of the slowest first token, or the longest load, that was seen so far. A config twice as slow as
the best one is stopped by the race, so one that needs more than this has nothing to gain."""

LEAST_S = 15.0
"""A machine may stand still for some seconds: pages that are read back, somebody else's burst."""

SHARE = 0.01
"""Of the budget: what one hang may cost where nothing slower was seen."""


def endless(arm: str) -> float | None:
    """No limit, whatever is measured."""
    del arm
    return None


@dataclass(slots=True, kw_only=True)
class Patience:
    """What one study waits for. Told of every good turn and load, asked before every request.

    `limit_s` is the study's budget; without one everything is waited for as long as may be.
    `left_s` says how many seconds are left for what is measured under an arm.
    """

    limit_s: float | None = None
    left_s: Callable[[str], float | None] = endless
    _first_s: float | None = None
    _load_s: float | None = None

    def saw(self, record: TurnRecord) -> None:
        """A turn has ended; of one that failed nothing is learnt."""
        if record.ok and record.ttft_s is not None:
            self._first_s = max(record.ttft_s, self._first_s or 0.0)

    def loaded(self, seconds: float) -> None:
        """An engine was ready `seconds` after its start."""
        self._load_s = max(seconds, self._load_s or 0.0)

    def silence_s(self, arm: str, most_s: float) -> float:
        """Seconds of silence after which a turn under `arm` has hung, at most `most_s`."""
        return self._bounded(self._first_s, arm, most_s)

    def start_s(self, arm: str, most_s: float) -> float:
        """Seconds after which an engine that is not ready will not be, at most `most_s`."""
        return self._bounded(self._load_s, arm, most_s)

    def _bounded(self, slowest_s: float | None, arm: str, most_s: float) -> float:
        if self.limit_s is None or slowest_s is None:
            return most_s
        wanted_s, left_s = SHARE * self.limit_s, self.left_s(arm)
        if left_s is not None:
            wanted_s = min(wanted_s, left_s)
        return min(most_s, max(LEAST_S, TIMES * slowest_s, wanted_s))
