"""The next trial by a surrogate: the config with the greatest expected gain per engine-second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autotune.candidate import Candidate, Setting
from autotune.search.evidence import points_of
from autotune.search.expected import expected_cost, expected_gain, stopped_share
from autotune.search.known import Known
from autotune.search.levels import levels_of
from autotune.search.odds import Odds
from autotune.search.planned import STEP, Planned
from autotune.search.proposals import Proposal, draws, matched, singles, starts, together
from autotune.search.space import to_settings
from autotune.search.surrogate import Surrogate, fit

TRUSTS = (1.0, 0.5, 0.0)
"""Of their likeness: how far earlier studies may be trusted."""

UNIONS = 1
"""Rounds in which the most promising config gets one more flag changed."""

SWEEP_AFTER, SWEEP_EVERY = 8, 3
"""After so many trials every third one is a step that no trial took: what the surrogate holds for
harmful because it was, beside other flags, has its chance."""

START_BONUS = 0.03
"""By how much, in log time, a start of the space that was not tried is expected to be faster than
its flags say: someone who knows the engine named it."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Proposals with what is expected of them, the best first. Gains are in log time, as a share
    of the best config's time; `scores` are gains per engine-second of a whole trial."""

    proposals: Sequence[Proposal]
    gains: Sequence[float]
    scores: Sequence[float]


@dataclass(slots=True)
class Outlook:
    """What the surrogate says of configs that were not measured."""

    known: Known
    surrogate: Surrogate
    best: Mapping[str, Setting]
    target: float
    odds: Odds
    stopped: float
    tried: frozenset[str]

    @classmethod
    def of(cls, known: Known) -> Outlook | None:
        """By everything that was measured; ``None`` before anything has a value."""
        best = known.ledger.best
        points = points_of(known.ledger, known.error)
        if best is None or not points:
            return None
        surrogate = fit_known(known)
        mean, _ = surrogate.predict([best.values])
        return cls(
            known, surrogate, best.values, float(mean[0]), Odds.of(known.ledger),
            stopped_share(known.ledger), frozenset(e.label for e in known.ledger.entries),
        )  # fmt: skip

    def ranked(self) -> Ranked:
        """Every proposal, by its expected gain per engine-second."""
        proposals = self._pool()
        for _ in range(UNIONS):
            top = self._rank(proposals).proposals[:1]
            proposals += [p for one in top for p in self._further(one)]
        return self._rank(proposals)

    def is_untried(self, proposal: Proposal) -> bool:
        """Whether it is a step, a start or flags that go together, which no trial took from any
        config."""
        is_named = proposal.start is not None or proposal.label.startswith(STEP)
        return is_named and proposal.label not in self.tried

    def _pool(self) -> list[Proposal]:
        space, known = self.known.space, self.known
        seed = f"{known.seed}-{len(known.ledger.entries)}"
        default = known.ledger.baseline
        begun = [self.best] if default is None else [self.best, default.values]
        named = [p for values in begun for p in starts(space, values)]
        near = [*singles(space, self.best), *matched(space, self.best)]
        return [*named, *near, *draws(space, self.best, seed)]

    def _further(self, proposal: Proposal) -> Iterator[Proposal]:
        """`proposal` with one more flag changed."""
        for one in singles(self.known.space, proposal.values):
            yield together(self.known.space, self.best, one.values)

    def _bonus(self, proposal: Proposal) -> float:
        return 0.0 if proposal.start is None or proposal.start in self.tried else START_BONUS

    def _rank(self, proposals: Sequence[Proposal]) -> Ranked:
        import numpy as np

        rows = [p.values for p in proposals]
        mean, deviation = self.surrogate.predict(rows)
        mean = mean - np.array([self._bonus(p) for p in proposals])
        chance = np.array([self.odds.chance(values) for values in rows])
        gains = expected_gain(mean, deviation, self.target) * chance
        scores = gains / expected_cost(mean, deviation, self.target, self.stopped)
        order = np.argsort(-scores, kind="stable")
        return Ranked(
            [proposals[i] for i in order],
            [float(gains[i]) for i in order],
            [float(scores[i]) for i in order],
        )


def fit_known(known: Known) -> Surrogate:
    """The surrogate of what `known` holds. Raises ``ValueError`` before anything has a value.

    Earlier studies are trusted as far as their likeness says, half as far or not at all: under
    which of these the trials of this study are likeliest. Equally likely ones go to more trust.
    """
    levels = levels_of(known.space, gpu=known.feasibility.gpu)
    points = points_of(known.ledger, known.error)
    if not known.warm.studies:
        return fit(levels, points)
    both = [*points, *known.warm.points]
    found = [
        fit(levels, both, {n: share * likeness for n, likeness in known.warm.likeness.items()})
        for share in TRUSTS
    ]
    return max(found, key=lambda s: s.log_evidence)


def by_surrogate(known: Known) -> Planned | None:
    """The next trial; ``None`` where nothing near is new. See `Outlook`."""
    outlook = Outlook.of(known)
    if outlook is None:
        return first_start(known)
    proposals = outlook.ranked().proposals
    if len(known.ledger.entries) >= SWEEP_AFTER and len(known.ledger.entries) % SWEEP_EVERY == 0:
        proposals = [*filter(outlook.is_untried, proposals), *proposals]
    for proposal in proposals:
        if is_new(known, proposal.values):
            return Planned(proposal.values, proposal.label)
    return None


def first_start(known: Known) -> Planned | None:
    """A start of the space that was not tried: where even the default cannot be measured."""
    for proposal in starts(known.space, known.space.defaults):
        if is_new(known, proposal.values):
            return Planned(proposal.values, proposal.label)
    return None


def is_new(known: Known, values: Mapping[str, Setting]) -> bool:
    """Neither tried nor refused."""
    candidate = Candidate(to_settings(known.space, values))
    if known.ledger.find(candidate.key) is not None:
        return False
    return known.feasibility.refusal(candidate) is None
