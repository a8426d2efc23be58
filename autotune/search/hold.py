"""The winner is filled before it is recommended; one that does not hold makes room for the next.

Only a winner is held. The default is what the user gets without us, and there is nothing to fall
back to from it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from autotune.candidate import Candidate, Setting
from autotune.models.bounded import Caches, bounded_caches
from autotune.scoring.held import Held, held
from autotune.search.confirm import Confirmed
from autotune.search.events import HoldFinished, HoldStarted, Listener, Summary
from autotune.search.finals import CONTENDERS, contenders
from autotune.search.hold_book import HoldRow, asked_of, find_hold, learn_hold, note_hold
from autotune.search.layout import Layout
from autotune.search.ledger import Entry, Ledger, arm_name
from autotune.search.outcome import best_arm
from autotune.search.request import RunRequest
from autotune.search.room import CONTEXT_CONCEPT
from autotune.search.setup import Setup
from autotune.search.sink import turn_sink
from autotune.study.turn_log import TurnLog
from autotune.trial.real import RealMeasurer
from autotune.trial.soak import Soak, Soaked
from autotune.trial.soak_plan import SoakPlan, plan_soak
from autotune.trial.survey import Survey

HOLD_SHARE = 0.1
"""Of the budget, kept back for holding; the first fill and one session more are always done."""

NOT_HELD = "not held to depth (--no-hold): nothing says that it holds when it is filled"


class Subject(Protocol):
    """One engine of which a config is held."""

    @property
    def setup(self) -> Setup:
        """The request with everything found."""
        ...

    @property
    def layout(self) -> Layout:
        """What is replayed."""
        ...

    @property
    def survey(self) -> Survey:
        """How deep each turn is."""
        ...

    @property
    def measurer(self) -> RealMeasurer:
        """What launches it."""
        ...


@dataclass(frozen=True, slots=True)
class Holding:
    """What came of the holding stage.

    `held` is the winner's; `refused` are configs that won and did not hold, by the arm's name;
    `note` says why nothing was held.
    """

    held: Held | None = None
    refused: Mapping[str, Held] = field(default_factory=dict)
    seconds: float = 0.0
    note: str | None = None

    def told(self, summary: Summary) -> Summary:
        """`summary` with what is known of holding: figures, and why a winner was refused."""
        won = summary.winner is not None
        verdict = summary.verdict
        if self.refused and not won:
            verdict = f"{verdict} {_refused(self.refused)}"
        return replace(
            summary,
            verdict=verdict,
            held=self.held.to_json() if self.held is not None and won else None,
            notes=(*summary.notes, self.note) if self.note and won else summary.notes,
        )

    def to_json(self) -> dict[str, Any]:
        """For ``result.json``."""
        return {
            "winner": None if self.held is None else self.held.to_json(),
            "refused": {arm: one.to_json() for arm, one in self.refused.items()},
            "seconds": self.seconds,
            "note": self.note,
        }


def _refused(refused: Mapping[str, Held]) -> str:
    """That something was faster, and why it is not recommended."""
    words = [f"{arm} was faster but did not hold: {one.sentence}" for arm, one in refused.items()]
    return "; ".join(words) + "."


def searching_s(request: RunRequest) -> float | None:
    """What of the budget is for searching and confirming; ``None`` without a limit."""
    limit = request.effective_budget_s
    return limit * (1 - HOLD_SHARE) if limit is not None and request.hold else limit


@dataclass(slots=True, kw_only=True)
class Holder:
    """Fills configs, and remembers in the study's folder what came of it.

    `round_name` begins the name of the arm in the turn log; `left_s` is how long it may take.
    """

    round_name: str
    log: TurnLog
    listener: Listener
    stop: threading.Event
    left_s: Callable[[], float | None]
    seconds: float = 0.0

    def hold(self, subject: Subject, entry: Entry, arm: str) -> Held | None:
        """Whether `entry` holds; ``None`` when the user stopped it.

        A config that was filled with the same plan before is not filled again.
        """
        plan = soak_of(subject, entry)
        folder = subject.setup.folder
        row = find_hold(folder, entry.key, plan)
        if row is None:
            row = self._filled(subject, entry, arm, plan)
            if row is None:
                return None
            note_hold(folder, row)
        self.seconds += row.seconds
        learn_hold(subject.layout.feasibility, Candidate(entry.settings), row.held)
        self.listener(HoldFinished(arm, row.held.holds, row.held.sentence, row.seconds))
        return row.held

    def _filled(self, subject: Subject, entry: Entry, arm: str, plan: SoakPlan) -> HoldRow | None:
        sessions = 1 + sum(len(r.session_ids) for r in plan.rounds)
        self.listener(HoldStarted(arm, plan.target_tokens, sessions, plan.turns))
        soaked = Soak(
            measurer=subject.measurer,
            candidate=Candidate(entry.settings),
            plan=plan,
            arm=f"{self.round_name}-{arm}",
            sink=turn_sink(self.log, self.listener, plan.turns),
            stop=self.stop.is_set,
            time_s=self.left_s(),
        ).run()
        if not soaked.finished:
            return None
        return HoldRow(
            key=entry.key,
            trial=entry.number,
            settings=entry.settings,
            asked=asked_of(plan),
            seconds=round(soaked.seconds, 3),
            held=judged(subject, entry, plan, soaked),
        )


def soak_of(subject: Subject, entry: Entry) -> SoakPlan:
    """The soak of `entry`: over every turn that the study searches or confirms on."""
    layout, request = subject.layout, subject.setup.request
    plan = layout.search_plan
    turns = {
        (p.turn.session_id, p.turn.index): p
        for each in (layout.search_plan, layout.confirm_plan)
        for p in each.turns
    }
    return plan_soak(
        turns.values(),
        subject.survey.depths,
        history=plan.history,
        concurrency=plan.concurrency,
        headroom=request.headroom,
        context_tokens=slot_context(subject, entry),
    )


def slot_context(subject: Subject, entry: Entry) -> int | None:
    """Tokens of context that one slot has under `entry`; ``None`` where no parameter says."""
    trained = subject.setup.model.n_ctx_train
    for parameter in subject.layout.space.parameters:
        if parameter.concept == CONTEXT_CONCEPT:
            value: Setting = entry.values.get(parameter.name, parameter.default)
            if isinstance(value, int) and value > 0:
                return min(value, trained)
    return None


def judged(subject: Subject, entry: Entry, plan: SoakPlan, soaked: Soaked) -> Held:
    """`soaked` in figures."""
    failure = soaked.failure
    return held(
        soaked.records,
        expected=soaked.expected,
        deepest_tokens=plan.deepest_tokens,
        wanted_tokens=plan.wanted_tokens,
        context_tokens=plan.context_tokens,
        caches=_caches(subject, entry, soaked),
        failure=None if failure is None else (failure.kind.value, failure.message),
    )


def _caches(subject: Subject, entry: Entry, soaked: Soaked) -> Caches | None:
    """What the engine may have kept of the sessions that it was given."""
    deepest: dict[tuple[int, str], int] = {}
    for record in soaked.records:
        key = (record.block, record.session_id)
        deepest[key] = max(deepest.get(key, 0), record.depth_tokens or 0)
    return bounded_caches(
        subject.layout.space.engine,
        subject.setup.model,
        {**entry.settings, **soaked.effective},
        tuple(deepest.values()),
        gpu=subject.setup.gpu is not None,
    )


def confirmed_and_held(
    ledger: Ledger,
    confirm: Callable[[int], Confirmed],
    hold: Callable[[Entry, str], Held | None],
    *,
    refused: Mapping[str, Held],
    may_go_on: Callable[[], bool],
) -> tuple[Confirmed, Holding]:
    """Confirm, hold what wins, and where it does not hold confirm what is next.

    `refused` did not hold in earlier runs. `confirm` is asked with the number of configs that did
    not hold before; `may_go_on` says whether there is time for another one. `hold` gives ``None``
    when the user stopped it. Of a config that did not hold `ledger` forgets the rank.
    """
    refused = dict(refused)
    for _ in range(CONTENDERS):
        confirmed = without(confirm(len(refused)), refused)
        name, _ = best_arm(confirmed)
        entry = next((e for e in ledger.ranked if arm_name(e.number) == name), None)
        if name is None or entry is None:
            break
        found = hold(entry, name)
        if found is None or found.holds:
            return confirmed, Holding(found, refused)
        refused[name] = found
        ledger.rule_out(entry.key)
        confirmed = without(confirmed, refused)
        if not may_go_on() or len(contenders(ledger)) < 2:
            break
    return confirmed, Holding(None, refused)


def without(confirmed: Confirmed, refused: Mapping[str, Held]) -> Confirmed:
    """`confirmed` with the arms that did not hold among those that failed."""
    left = {arm: c for arm, c in confirmed.comparisons.items() if arm not in refused}
    why = {arm: f"it did not hold: {found.sentence}" for arm, found in refused.items()}
    over = {arm: c for arm, c in confirmed.over_in_use.items() if arm not in refused}
    return replace(
        confirmed, comparisons=left, over_in_use=over, failed={**confirmed.failed, **why}
    )
