"""A trial as the dashboard shows it: Optuna's own form, with states and constraints told apart.

optuna-dashboard knows five states, and constraints in the list form that Optuna had before version
5 (https://github.com/optuna/optuna-dashboard, ``_serializer.py``). In a study's database a trial
that was stopped early is complete with an estimate, because the sampler learns from it, and one
that failed is pruned with a violated constraint. Shown like that, estimates would stand among
measurements, and nothing would tell what failed from what was given up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autotune.dashboard.words import rounded
from autotune.search.ledger import COMPLETE, DUPLICATE, INFEASIBLE, REFUSED, STOPPED

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

HOLDS, VIOLATED = (0.0,), (1.0,)
"""The list form of the one constraint that a study has: at most 0 is feasible."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a trial is shown as: the name of an Optuna state, its constraints, if it has a score."""

    state: str
    constraints: tuple[float, ...] = ()
    scored: bool = False


_MARKS = {
    COMPLETE: Mark("COMPLETE", HOLDS, scored=True),
    STOPPED: Mark("PRUNED", HOLDS),
    INFEASIBLE: Mark("FAIL", VIOLATED),
    REFUSED: Mark("FAIL", VIOLATED),
    "running": Mark("RUNNING"),
    "waiting": Mark("WAITING"),
    "interrupted": Mark("FAIL"),
}


def as_shown(
    row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], alive: bool
) -> dict[str, Any]:
    """`row` of a study whose run is `alive` or not, with what only its fellows in `rows` know.

    A trial that is running in no run is interrupted; a repeat failed as the trial that it repeats.
    """
    if row["state"] == "running" and not alive:
        return {**row, "state": "interrupted"}
    if row["state"] == DUPLICATE and row["failure"] is None and row["value"] is None:
        first = next((one for one in rows if one["number"] == row["same_as"]), None)
        return {**row, "failure": first["failure"] if first else None}
    return dict(row)


def mark_of(row: Mapping[str, Any]) -> Mark:
    """What `row`, as `as_shown` gives it, is shown as."""
    if row["state"] == DUPLICATE:
        return Mark("FAIL", VIOLATED) if row["value"] is None else Mark("PRUNED", HOLDS)
    return _MARKS.get(row["state"], Mark("PRUNED"))


def shown_trial(
    trial: FrozenTrial,
    row: Mapping[str, Any],
    *,
    trial_id: int,
    user_attrs: dict[str, Any],
    system_attrs: dict[str, Any],
) -> FrozenTrial:
    """`trial` with the state, score and constraints of its row, and attributes for readers."""
    import optuna

    mark = mark_of(row)
    kept = {k: v for k, v in trial.system_attrs.items() if k == "fixed_params"}
    distributions = {name: ordered(found) for name, found in trial.distributions.items()}
    return optuna.trial.FrozenTrial(
        number=trial.number,
        state=optuna.trial.TrialState[mark.state],
        value=None,
        values=_scores(trial.values) if mark.scored else None,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params=trial.params,
        distributions=distributions,
        user_attrs=user_attrs,
        system_attrs={**kept, **_old_constraints(mark), **system_attrs},
        intermediate_values=trial.intermediate_values,
        trial_id=trial_id,
    )


def _old_constraints(mark: Mark) -> dict[str, Any]:
    """Constraints where the dashboard looks for them: Optuna's list form of before version 5."""
    return {"constraints": list(mark.constraints)} if mark.constraints else {}


def _scores(values: Sequence[float] | None) -> list[float] | None:
    """Scores as they are read; none where one of them is no number."""
    if values is None or not all(map(math.isfinite, values)):
        return None
    return [found for value in values if (found := rounded(value)) is not None]


def ordered(distribution: BaseDistribution) -> BaseDistribution:
    """Choices that are all numbers from the least to the greatest, so that axes ascend."""
    import optuna

    if not isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return distribution
    numbers = [c for c in distribution.choices if isinstance(c, (int, float))]
    if len(numbers) < len(distribution.choices) or any(isinstance(c, bool) for c in numbers):
        return distribution
    return optuna.distributions.CategoricalDistribution(sorted(numbers))
