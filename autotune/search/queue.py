"""What is tried before the sampler is asked: decided anew each time from what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.ledger import Ledger
from autotune.search.space import Space, Start
from autotune.search.suggest import active_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

DEFAULT = "default"
INCUMBENT = "incumbent"
COMBINED = "best of each start"


@dataclass(frozen=True, slots=True)
class Planned:
    """Parameter values for the next trial, and why; `retry_of` is a trial that was cut short."""

    values: Mapping[str, Setting]
    label: str
    retry_of: int | None = None


def next_planned(
    ledger: Ledger,
    space: Space,
    incumbent: Mapping[str, Setting] | None,
    interrupted: Sequence[Planned],
) -> Planned | None:
    """Cut-short trials, default, incumbent, starts, their union, second looks; else ``None``."""
    if interrupted:
        return interrupted[0]
    tried = {entry.label for entry in ledger.entries}
    wishes: list[tuple[str, Mapping[str, Setting]]] = [(DEFAULT, {})]
    if incumbent is not None:
        wishes.append((INCUMBENT, incumbent))
    wishes += [(start.name, start.settings) for start in space.starts]
    for label, settings in wishes:
        if label not in tried:
            return Planned(active_values(space, dict(settings)), label)
    wishes = [(COMBINED, combination(ledger, space) or {}), *second_looks(ledger, space)]
    for label, settings in wishes:
        if settings and label not in tried:
            return Planned(active_values(space, dict(settings)), label)
    return None


def combination(ledger: Ledger, space: Space) -> dict[str, Setting] | None:
    """The changes of every start that beat the default, together; the better one decides a flag.

    ``None`` when fewer than two did: then the union is one of them.
    """
    winners, _ = _sorted_starts(ledger, space)
    return _merged(winners) if len(winners) > 1 else None


def second_looks(ledger: Ledger, space: Space) -> list[tuple[str, dict[str, Setting]]]:
    """Starts that lost alone, on top of those that won: (label, settings).

    Flags act on each other: verifying drafts is a batch of its own kind, so what loses with
    plain decoding can win with speculation.
    """
    winners, losers = _sorted_starts(ledger, space)
    base = _merged(winners)
    return [(f"{s.name}, with the best", {**base, **s.settings}) for s in losers] if base else []


def _sorted_starts(ledger: Ledger, space: Space) -> tuple[list[Start], list[Start]]:
    """Starts that beat the default, the best last, and those that were measured and did not."""
    values = {e.label: e.value for e in ledger.entries}
    bar = values.get(DEFAULT)
    measured = [(values[s.name], s) for s in space.starts if values.get(s.name) is not None]
    if bar is None:
        return [], []
    ranked = sorted(measured, key=lambda row: -(row[0] or 0.0))
    won = [start for value, start in ranked if value is not None and value < bar]
    return won, [start for _, start in measured if start not in won]


def _merged(starts: Sequence[Start]) -> dict[str, Setting]:
    merged: dict[str, Setting] = {}
    for start in starts:
        merged.update(start.settings)
    return merged


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
            again.append(Planned(_parameters(trial), label, retry_of=trial.number))
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


def _parameters(trial: FrozenTrial) -> dict[str, Setting]:
    """What was asked of a trial, were it cut short before it suggested everything."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}
