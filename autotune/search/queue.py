"""What is tried before the sampler is asked: decided anew each time from what is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.candidate import Candidate, Setting
from autotune.search.known import Known
from autotune.search.ledger import STOPPED, Entry, Ledger, arm_name
from autotune.search.planned import AGAIN, DEFAULT, INCUMBENT, STEP, Planned
from autotune.search.policies import IN_USE, Policy
from autotune.search.race import AT_THE_END
from autotune.search.space import Space, to_settings
from autotune.search.suggest import active_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["AGAIN", "DEFAULT", "INCUMBENT", "STEP", "Planned", "Queue", "interrupted_trials"]

STOPS_A_LOOK = 3
"""Trials that the best one stops before it is measured again, and once more that many for each
look that was taken: a moment in which the machine was fast must not end a search."""


STEADY, STEADY_STOPS_A_LOOK = math.log(1.08), 8
"""Where two runs differ by no more than that, luck is small and so many are stopped first."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What a study tries next, by what is known.

    The default and the incumbent, what won in earlier studies; then what `policy` says. In between
    second looks: at a best trial that has stopped several others, and at those that it should not
    have stopped if it was lucky.
    """

    known: Known
    policy: Policy = IN_USE

    def next(self) -> Planned | None:
        """The next trial; ``None`` leaves it to the policy's sampler."""
        return self._again() or self._named() or self._warm() or self.policy.plan(self.known)

    @property
    def ledger(self) -> Ledger:
        """Every finished trial."""
        return self.known.ledger

    @property
    def space(self) -> Space:
        """What is searched."""
        return self.known.space

    def _again(self) -> Planned | None:
        best = self._best
        if best is None or best.value is None:
            return None
        looks = self.ledger.looks(best.key)
        since = self.ledger.entries[self.ledger.entries.index(looks[-1]) :]
        stops = STOPS_A_LOOK if self.known.floor > STEADY else STEADY_STOPS_A_LOOK
        if sum(self._is_close(e, best.value) for e in since) >= stops * len(looks):
            return _look_at(best)
        doubtful = [e for e in self.ledger.entries if self._is_doubtful(e, best.value)]
        return _look_at(min(doubtful, key=_guess)) if doubtful else None

    def _is_close(self, entry: Entry, best_value: float) -> bool:
        """Stopped early, and so near that a lucky best one could have done it."""
        if entry.outcome != STOPPED or entry.value is None:
            return False
        return math.log(entry.value / best_value) <= self.known.floor

    def _is_doubtful(self, entry: Entry, best_value: float) -> bool:
        """Stopped early, and yet guessed to be faster than the best has turned out to be."""
        once = entry.outcome == STOPPED and len(self.ledger.tries(entry.key)) == 1
        return once and _guess(entry) < AT_THE_END * best_value

    def _named(self) -> Planned | None:
        tried = {entry.label for entry in self.ledger.entries}
        wishes: list[tuple[str, Mapping[str, Setting]]] = [(DEFAULT, {})]
        if self.known.incumbent is not None:
            wishes.append((INCUMBENT, self.known.incumbent))
        for label, values in wishes:
            if label not in tried:
                return Planned(active_values(self.space, dict(values)), label)
        return None

    def _warm(self) -> Planned | None:
        """What won in an earlier study: a trial like any other, but early."""
        known = self.known
        planned = known.warm.planned(known.space, known.ledger, known.warm_trials)
        if planned is None:
            return None
        candidate = Candidate(to_settings(known.space, planned.values))
        return planned if known.feasibility.refusal(candidate) is None else None

    @property
    def _best(self) -> Entry | None:
        return self.ledger.best


def _look_at(entry: Entry) -> Planned:
    return Planned(entry.values, AGAIN + arm_name(entry.number))


def _guess(entry: Entry) -> float:
    return math.inf if entry.value is None else entry.value


def interrupted_trials(study: Study) -> list[Planned]:
    """Trials that a kill or an interrupt left without an outcome, as they were.

    Must run under the study's lock: then no process can own a running trial, and each is told
    to have failed, so that the sampler does not keep away from it.
    """
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    retried = {t.user_attrs["retry_of"] for t in trials if "retry_of" in t.user_attrs}
    again = []
    for trial in trials:
        if "outcome" in trial.user_attrs:
            _close(study, trial)
            continue
        if trial.state is TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state is not TrialState.FAIL:
            continue
        if trial.number not in retried:
            label = str(trial.user_attrs.get("label", ""))
            again.append(Planned(parameters_of(trial), label, retry_of=trial.number))
    return again


def _close(study: Study, trial: FrozenTrial) -> None:
    """Tell Optuna of a trial that was measured and whose process died before it could."""
    from optuna.trial import TrialState

    if trial.state is TrialState.RUNNING:
        value = trial.user_attrs.get("value")
        if value is None:
            study.tell(trial.number, state=TrialState.PRUNED)
        else:
            study.tell(trial.number, value)


def parameters_of(trial: FrozenTrial) -> dict[str, Setting]:
    """What was asked of a trial, were it cut short before it suggested everything."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}
