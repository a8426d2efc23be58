"""Which settings decide whether a config is among the best: PED-ANOVA over a study's trials.

Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces", IJCAI 2023, and its form for conditional parameters, as Optuna has them. For
each parameter the distribution of its values among the best trials is held against that among all
of them. It is asked of where the search went, so it says what set good trials apart from the
others that were tried, and not by how much: that is what effects are for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autotune.candidate import Setting
from autotune.search.hold_book import refused_keys
from autotune.search.ledger import STOPPED, Entry, Ledger
from autotune.search.space import Space
from autotune.study.folder import StudyFolder
from autotune.study.storage import load_trials

if TYPE_CHECKING:
    from optuna import Study

LEAST_TOP = 5
"""Configs among the best: the evaluator is steady from so many on, by its own documentation."""

LEAST_CONFIGS = 20
"""Fewer configs say nothing: five of them would be more than a quarter."""

TOP_SHARE = 0.1
"""What counts as the best of many."""


@dataclass(frozen=True, slots=True)
class Importance:
    """`shares` by parameter sum to 1, the greatest first; they rest on `configs` configs, of which
    `best` counted as the best ones, and `stopped` were known by an estimate only."""

    shares: Mapping[str, float]
    configs: int
    best: int
    stopped: int

    def to_json(self) -> dict[str, Any]:
        """As in ``summary.importance``."""
        return {
            "shares": dict(self.shares),
            "configs": self.configs,
            "best": self.best,
            "stopped": self.stopped,
        }


Choices = Mapping[str, Sequence[Setting]]
"""What each parameter could be."""


def importance_of(ledger: Ledger, choices: Choices) -> Importance | None:
    """Over every config with a value; ``None`` where there are too few, or none sets itself apart.

    A config that was stopped early counts with its estimate, which is never better than the best:
    it is known not to be among them, and that is all that is asked. Failed ones have no place in
    the order, and are left out; so are repeats and second looks, which are no configs of their own.
    """
    whole = ledger.ranked
    known = {entry.key for entry in whole}
    partial = (e for e in ledger.measured if e.outcome == STOPPED)
    stopped = _first_tries(e for e in partial if e.key not in known)
    entries = [e for e in (*whole, *stopped) if e.value is not None]
    if len(entries) < LEAST_CONFIGS:
        return None
    best = max(LEAST_TOP, math.ceil(TOP_SHARE * len(entries)))
    shares = _evaluated(_study(entries, choices), best / len(entries))
    if not shares:
        return None
    return Importance(shares, len(entries), best, len(stopped))


def told_importance(ledger: Ledger, space: Space) -> dict[str, Any] | None:
    """The same of a search in `space`, as plain data."""
    found = importance_of(ledger, {p.name: p.choices for p in space.parameters})
    return None if found is None else found.to_json()


def stored_importance(folder: StudyFolder) -> dict[str, Any] | None:
    """The same of a study on the disk, finished or not: what its trials could be, they say."""
    if not folder.database.is_file():
        return None
    trials = load_trials(folder)
    choices: dict[str, Sequence[Setting]] = {}
    for trial in trials:
        for name, kind in trial.distributions.items():
            choices.setdefault(name, getattr(kind, "choices", ()))
    found = importance_of(Ledger(trials, refused_keys(folder)), choices)
    return None if found is None else found.to_json()


def _first_tries(entries: Iterable[Entry]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.key, entry)
    return list(found.values())


def _study(entries: Iterable[Entry], choices: Choices) -> Study:
    """A study in memory with a finished trial for each entry."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(direction="minimize")
    kinds = {n: optuna.distributions.CategoricalDistribution(c) for n, c in choices.items() if c}
    for entry in entries:
        values = {
            name: entry.values[name]
            for name in kinds
            if name in entry.values and entry.values[name] in choices[name]
        }
        study.add_trial(
            optuna.trial.create_trial(
                params=values,
                distributions={name: kinds[name] for name in values},
                value=entry.value,
            )
        )
    return study


def _evaluated(study: Study, top: float) -> dict[str, float]:
    """Shares by parameter, the greatest first; empty where nothing sets the best apart."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=top)
        raw = optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)
    total = sum(raw.values())
    if total <= 0.0:
        return {}
    return {name: float(value / total) for name, value in raw.items()}
