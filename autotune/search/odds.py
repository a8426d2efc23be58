"""How likely a config runs at all, by what those that failed had in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from autotune.candidate import Setting
from autotune.search.ledger import INFEASIBLE, Ledger

Pair = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Odds:
    """Pairs of values that failed together, and those that ran together."""

    ran: set[Pair] = field(default_factory=set)
    failed: Counter[Pair] = field(default_factory=Counter)

    @classmethod
    def of(cls, ledger: Ledger) -> Odds:
        """By every trial that was launched."""
        found = cls()
        for entry in ledger.measured:
            pairs = _pairs(entry.values)
            if entry.outcome == INFEASIBLE:
                found.failed.update(pairs)
            else:
                found.ran.update(pairs)
        return found

    def chance(self, values: Mapping[str, Setting]) -> float:
        """1 where nothing speaks against it; ``1 / (1 + n)`` for the pair that failed most often.

        A pair that has also run is not what a trial failed of.
        """
        if not self.failed:
            return 1.0
        most = max((self.failed[p] for p in _pairs(values) if p not in self.ran), default=0)
        return 1.0 / (1.0 + most)


def _pairs(values: Mapping[str, Setting]) -> Iterable[Pair]:
    words = sorted((name, repr(value)) for name, value in values.items())
    return [frozenset(pair) for pair in combinations(words, 2)] or [frozenset(words)]
