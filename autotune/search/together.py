"""What a search knows of the other workers of its study, and does otherwise because of them.

Hosts differ, so that a time measured on one says nothing on another. Each worker measures the
default first; what it measures then is worth ``raw / its own default * the reference`` (`scales`).
What others have under way counts as tried, without a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.search.judge import Judged
from autotune.search.ledger import Entry, Ledger
from autotune.search.member import Member
from autotune.search.planned import AGAIN, DEFAULT, FEWER, Planned
from autotune.search.queue import parameters_of
from autotune.search.space import Space, to_settings
from autotune.search.suggest import active_values

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

PENDING = "pending"
"""The outcome of an entry that stands for what another worker has under way."""

TWIN = "twin_of"
"""The attribute of a trial that was begun twice: the number of the one that counts."""


class TakenError(Exception):
    """Two workers chose the same settings at the same moment, and the other one measures them."""


@dataclass(frozen=True, slots=True)
class Others:
    """The other workers of `study`, as `member` sees them. Says nothing where it is alone."""

    study: Study
    member: Member
    space: Space

    @property
    def signature(self) -> dict[str, str]:
        """The attributes that say who measures a trial."""
        return {} if self.member.is_alone else {"worker": self.member.worker}

    def pending(self) -> int:
        """How many trials they have under way; to be asked between two trials."""
        return 0 if self.member.is_alone else sum(map(_is_under_way, self._trials()))

    def beside(self, ledger: Ledger, trials: Iterable[FrozenTrial]) -> Ledger:
        """`ledger`, which is of `trials`, and what is under way in them, for planning what comes
        next."""
        if self.member.is_alone:
            return ledger
        return ledger.beside(_pending(t, self.space) for t in trials if _is_under_way(t))

    def own_default(self, ledger: Ledger) -> Planned | None:
        """The default, where this worker has not measured it yet.

        Raises `MachineError` where it runs on other hosts and not here: nothing measured here
        would compare.
        """
        if self.member.is_alone:
            return None
        own = ledger.of_worker(self.member.worker).baseline
        if own is None:
            return Planned(active_values(self.space, {}), DEFAULT)
        if own.value is None and any(e.value is not None for e in ledger.looks(own.key)):
            raise MachineError(
                f"the engine's defaults could not be measured on this host: {own.reason}",
                "nothing else measured here compares with the other workers: see its engine log",
            )
        return None

    def yield_to(self, trial: Trial, key: str) -> None:
        """Raise `TakenError` where another worker began to measure the same settings before."""
        label = str(trial.user_attrs.get("label", ""))
        if self.member.is_alone or label == DEFAULT or label.startswith((AGAIN, FEWER)):
            return
        for other in self._trials():
            same = other.number < trial.number and _key_of(other, self.space) == key
            if same and _is_under_way(other):
                trial.set_user_attr(TWIN, other.number)
                raise TakenError

    def compared(
        self, judged: Judged, label: str, ledger: Ledger
    ) -> tuple[Judged, dict[str, float]]:
        """A whole value as it would be on the reference's host, and the raw one as an attribute.

        An estimate is one already: it comes of the best one's value.
        """
        if self.member.is_alone or judged.value is None or judged.partial:
            return judged, {}
        raw, base = judged.value, ledger.baseline
        scale = ledger.scales.get(self.member.worker, 1.0)
        if label == DEFAULT and base is not None and base.value is not None:
            scale = ledger.scales.get(self.member.worker, base.value / raw)
        return replace(judged, value=raw * scale), {"raw_value": raw}

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)


def _is_under_way(trial: FrozenTrial) -> bool:
    return not trial.state.is_finished() and "outcome" not in trial.user_attrs


def _key_of(trial: FrozenTrial, space: Space) -> str:
    """The key of its settings, by what was asked while they are not suggested; empty for one that
    the sampler has not drawn yet."""
    known: str | None = trial.user_attrs.get("key")
    if known is not None:
        return known
    if "fixed_params" not in trial.system_attrs:
        return ""
    return Candidate(to_settings(space, active_values(space, dict(parameters_of(trial))))).key


def _pending(trial: FrozenTrial, space: Space) -> Entry:
    attrs = trial.user_attrs
    return Entry(
        trial.number, _key_of(trial, space), PENDING, None, str(attrs.get("label", "")),
        attrs.get("settings", {}), {}, {}, 0.0, None, None, parameters_of(trial),
        worker=str(attrs.get("worker", "")),
    )  # fmt: skip


def news(entries: Iterable[Entry], known: set[int]) -> list[Entry]:
    """Those of `entries` whose numbers are not `known`; now they are."""
    found = [entry for entry in entries if entry.number not in known]
    known.update(entry.number for entry in found)
    return found
