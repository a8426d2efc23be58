"""How far a live comparison is, and how long it still takes: one line for each launch."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from autotune.report.text import duration

LAUNCH_SHARE = 1 / 30
"""Of a search's budget: what a launch is reckoned to take before there was one."""

SEARCHES, ARMS = 2, 3


@dataclass(slots=True, kw_only=True)
class Progress:
    """`say` takes the lines; `seed` counts from 1."""

    seeds: int
    budget_s: float
    blocks: int
    say: Callable[[str], None]
    seed: int = 0
    launches_s: list[float] = field(default_factory=list)
    _finals: int = 0

    def begin(self, seed: int) -> None:
        """Seed number `seed`, from 1, is next."""
        self.seed, self._finals = seed, 0

    def searched(self, words: str, spent_s: float, used_s: dict[str, float]) -> None:
        """A search has had a launch; `used_s` is what each search has used by now."""
        self.launches_s.append(spent_s)
        told = ", ".join(f"{name} {used:.0f}" for name, used in used_s.items())
        left_s = sum(max(0.0, self.budget_s - used) for used in used_s.values())
        self._tell(f"{words}; {told} of {self.budget_s:.0f} s used", left_s)

    def compared(self, words: str) -> None:
        """An arm has had a launch head to head."""
        self._finals += 1
        self._tell(words, 0.0)

    def note(self, words: str) -> None:
        """Something else."""
        self.say(f"seed {self.seed} of {self.seeds}: {words}")

    def left_s(self, search_left_s: float) -> float:
        """Seconds until all is done; `search_left_s` is what this seed's searches have left."""
        launch_s = self.budget_s * LAUNCH_SHARE
        if self.launches_s:
            launch_s = statistics.median(self.launches_s)
        finals_s = ARMS * self.blocks * launch_s
        later = (self.seeds - self.seed) * (SEARCHES * self.budget_s + finals_s)
        return search_left_s + max(0.0, finals_s - self._finals * launch_s) + later

    def _tell(self, words: str, search_left_s: float) -> None:
        self.note(f"{words}; {duration(self.left_s(search_left_s))} left")
