"""This tuner's own search on a virtual clock: what ``autotune run`` does, without an engine.

Nothing here decides anything. `Search`, its queue, policy, ladder and race, the anchors and the
noise floor, the budget with the confirmation's share, the heat and the confirmation are those of a
run; the study is in memory and the turn log is a list. Left out is what a measurer cannot answer:
the survey, the quality guard, and filling the winner to depth.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from autotune.scoring.noise import assumed_floor
from autotune.search.anchor import Anchors
from autotune.search.budget import Budget
from autotune.search.confirm import Confirmation, Confirmed
from autotune.search.events import TrialFinished
from autotune.search.finals import launches, prove, room_for
from autotune.search.floor_cache import FloorCache, FloorKey
from autotune.search.judge import TurnKey
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger, arm_name
from autotune.search.outcome import best_arm
from autotune.search.remeasure import Remeasure
from autotune.search.rungs import Rung, rungs_of
from autotune.search.search import Search
from autotune.search.space import to_settings
from autotune.search.steadiness import Steadiness
from autotune.search.suggest import make_sampler
from autotune.simulated.machines import SimulatedSetup, plan_depths
from autotune.strategies.memory_log import MemoryTurnLog
from autotune.strategies.plain import quiet_study
from autotune.strategies.seam import Asked, Pick, Settings, Setup

CONFIRM_BLOCKS = 3
ANCHOR_EVERY = 5
"""As a run's defaults (`RunRequest`, ``--anchor-every``)."""

_NO_KEY = FloorKey("", "", "", "", "", "", "")


def ours(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """The search, then the confirmation; what it ends with is what a run would recommend."""
    with warnings.catch_warnings():
        # Grouped TPE is marked experimental; it is chosen on purpose.
        warnings.simplefilter("ignore")
        yield from Ours(setup, asked).run()


@dataclass(slots=True)
class Ours:
    """One run. `confirmed` is ``None`` until there was something to confirm."""

    setup: Setup
    asked: Asked
    log: MemoryTurnLog = field(default_factory=MemoryTurnLog)
    confirmed: Confirmed | None = None
    steady: Steadiness = field(init=False)
    search: Search = field(init=False)
    budget: Budget = field(init=False)
    _picks: list[Pick] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        share = len(self.setup.confirm_plan.turns) / max(1, len(self.setup.search_plan.turns))
        self.budget = Budget(
            limit_s=self.asked.budget_s,
            trials=None,
            clock=self.setup.clock,
            started_s=self.setup.clock.now(),
            confirm_launches=lambda ledger: launches(ledger, CONFIRM_BLOCKS),
            confirm_share_of_trial=share,
        )
        self.steady = self._steadiness()
        self.search = self._search()

    @property
    def ledger(self) -> Ledger:
        """What was measured."""
        return self.search.ledger

    def run(self) -> Iterator[Pick]:
        """Picks as the search goes, and the one that the confirmation leaves."""
        default = to_settings(self.setup.space, self.setup.space.defaults)
        self._pick(default)
        ledger = self.search.run()
        if ledger.ranked and ledger.baseline is not None:
            self.confirmed = self._confirm(ledger)
            self._pick(self._winner() or default, is_final=True)
        yield from self._picks

    def _winner(self) -> Settings | None:
        """Of the confirmation, as a run reads it; ``None`` where nothing beats the default."""
        assert self.confirmed is not None
        name, _ = best_arm(self.confirmed)
        found = (e.settings for e in self.ledger.ranked if arm_name(e.number) == name)
        return next(found, None)

    def _pick(self, settings: Settings, *, is_final: bool = False) -> None:
        trials, now_s = len(self.ledger.measured), self.setup.clock.now()
        self._picks.append(Pick(now_s, settings, trials, is_final))

    def _hear(self, event: Any) -> None:
        if isinstance(event, TrialFinished) and (best := self.ledger.best) is not None:
            self._pick(best.settings)

    def _search(self) -> Search:
        setup = self.setup
        return Search(
            study=quiet_study(make_sampler(self.asked.seed)),
            space=setup.space,
            plan=setup.search_plan,
            measurer=setup.measurer,
            judge=setup.judge,
            feasibility=setup.feasibility,
            budget=self.budget,
            log=self.log,
            listener=self._hear,
            stop=self._stop,
            read_turns=self.log.records,
            seed=self.asked.seed,
            steady=self.steady,
            ladder=Ladder(known_rungs(setup)),
        )

    def _steadiness(self) -> Steadiness:
        setup = self.setup
        anchors = Anchors(
            every=ANCHOR_EVERY,
            measurer=setup.measurer,
            plan=setup.search_plan,
            objective=setup.judge.objective,
            log=self.log,
            floor=assumed_floor,
            read_turns=self.log.records,
        )
        made = Steadiness(
            anchors=anchors,
            clean=Remeasure(log=self.log, cores=1),
            listener=self._hear,
            cache=FloorCache(None),
            key=_NO_KEY,
            limit_s=self.asked.budget_s,
        )
        anchors.floor = lambda: made.floor
        return made

    def _confirm(self, ledger: Ledger) -> Confirmed:
        self.steady.settle(ledger)
        launch_s = ledger.typical_s * self.budget.confirm_share_of_trial
        room = room_for(self.budget.confirm_left_s(), launch_s, CONFIRM_BLOCKS)
        return prove(ledger, self._round, CONFIRM_BLOCKS, room)

    def _round(self, stem: str, blocks: int) -> Confirmation:
        setup = self.setup
        return Confirmation(
            plan=setup.confirm_plan,
            measurer=setup.measurer,
            judge=setup.judge,
            log=self.log,
            listener=self._hear,
            round_name=stem,
            blocks=blocks,
            budget=self.budget,
            seed=self.asked.seed,
            held_out=setup.confirm_plan.digest != setup.search_plan.digest,
            stop=self._stop,
            clean=self.steady.clean,
            floor=self.steady.floor,
            more=0 if stem == "heat" else CONFIRM_BLOCKS,
        )


_RUNGS: dict[tuple[str, frozenset[TurnKey]], tuple[Rung, ...]] = {}


def known_rungs(setup: Setup) -> tuple[Rung, ...]:
    """The rungs under the search's plan, worked out once: they are the same for every seed.

    Where the depths of turns are known they are given, as a run gives those of its survey. Of a
    recording they are not: its own rungs were laid without.
    """
    plan, at_depth = setup.search_plan, setup.judge.at_depth
    key = (plan.digest, at_depth)
    if key not in _RUNGS:
        depths = plan_depths(plan) if isinstance(setup, SimulatedSetup) else None
        _RUNGS[key] = rungs_of(plan, at_depth, depths)
    return _RUNGS[key]
