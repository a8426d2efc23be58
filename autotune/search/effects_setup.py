"""How much of a study's time the winner's changes may take, and what their runs are made of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from autotune.replay.plan import ReplayPlan
from autotune.search.account import LOAD, MEASURE, PRIME, Account
from autotune.search.budget import MARGIN, Budget
from autotune.search.confirm import Confirmation, finished_blocks
from autotune.search.events import Listener
from autotune.search.layout import Layout
from autotune.search.leave_one_out import LEAST_LAUNCHES, STAGE, Costs
from autotune.search.ledger import Ledger
from autotune.search.planned import FEWER
from autotune.search.rungs import SESSIONS, rungs_of
from autotune.search.search import Search
from autotune.search.simplify import Simplifier
from autotune.search.steadiness import Steadiness
from autotune.study.folder import StudyFolder
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurer

EFFECTS_SHARE = 0.1
"""Of the budget, kept back for the winner's changes where that holds a round of them."""

SHARE_OF_TRIALS = 0.25
"""The same of what the trials took, in a study without a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsTime:
    """Seconds for the stage. `short_share` is what the short plan costs of the whole one, without
    the launch; `launch_share` what of a trial its launch takes; `blocks` are the confirmation's.
    """

    short_share: float
    launch_share: Callable[[], float]
    blocks: int
    wanted: bool = True

    def short_s(self, ledger: Ledger) -> float:
        """One launch on the short plan."""
        launch = self.launch_share()
        return ledger.typical_s * (launch + (1.0 - launch) * self.short_share)

    def reserve_s(self, limit_s: float | None, ledger: Ledger) -> float:
        """What is kept back; nothing where a tenth of the budget would not hold the least."""
        if not self.wanted or limit_s is None:
            return 0.0
        share_s = EFFECTS_SHARE * limit_s
        least_s = LEAST_LAUNCHES * self.short_s(ledger) + ledger.typical_s
        return share_s if share_s >= least_s else 0.0

    def left_s(self, budget: Budget, ledger: Ledger) -> float:
        """What the stage may take now, the confirmation's blocks kept back."""
        before_s = self.until_confirmation_s(budget, ledger)
        if budget.limit_s is None or before_s is None:
            return SHARE_OF_TRIALS * ledger.spent_s
        return min(EFFECTS_SHARE * budget.limit_s, before_s)

    def until_confirmation_s(self, budget: Budget, ledger: Ledger) -> float | None:
        """Seconds until the confirmation has to begin; ``None`` without a limit."""
        left_s = budget.confirm_left_s()
        if left_s is None:
            return None
        launch_s = budget.confirm_share_of_trial * ledger.typical_s
        return max(0.0, left_s - MARGIN * 2 * self.blocks * launch_s)

    def costs(self, budget: Budget, ledger: Ledger) -> Costs:
        """For a round, one trial of the smaller config kept back."""
        trial_s = ledger.typical_s
        return Costs(
            left_s=self.left_s(budget, ledger) - trial_s,
            short_s=self.short_s(ledger),
            whole_s=trial_s,
        )

    def has_time_for_trial(self, budget: Budget, ledger: Ledger) -> bool:
        """Whether the smaller config can be measured before the confirmation has to begin."""
        before_s = self.until_confirmation_s(budget, ledger)
        return before_s is None or ledger.typical_s <= before_s


@dataclass(slots=True, kw_only=True)
class EffectsRounds:
    """Makes the rounds of one study, each within what the stage may take."""

    layout: Layout
    measurer: Measurer
    log: TurnLog
    listener: Listener
    budget: Budget
    time: EffectsTime
    folder: StudyFolder
    seed: int
    stop: threading.Event
    steady: Steadiness
    ledger: Ledger

    def make(self, plan: ReplayPlan, base: str, stem: str, blocks: int) -> Confirmation:
        """A round of `blocks` blocks at most, against the arm `base`."""
        end_s = self.budget.elapsed_s() + self.time.left_s(self.budget, self.ledger)
        return Confirmation(
            plan=plan,
            measurer=self.measurer,
            judge=self.layout.judge,
            log=self.log,
            listener=self.listener,
            round_name=stem,
            blocks=blocks,
            budget=replace(self.budget, limit_s=end_s),
            seed=self.seed,
            held_out=False,
            stop=self.stop,
            earlier=finished_blocks(list(self.folder.read_turns())),
            baseline=base,
            clean=self.steady.clean,
            floor=self.steady.floor,
            stage=STAGE,
        )


def effects_time(
    layout: Layout, account: Account, *, blocks: int, wanted: bool
) -> tuple[EffectsTime, ReplayPlan]:
    """What the stage costs in this study, and the short plan: how the searched plan begins."""
    rungs = rungs_of(layout.search_plan, layout.judge.at_depth)
    short = next((rung for rung in rungs if rung.name == SESSIONS), rungs[-1])
    time = EffectsTime(
        short_share=short.share,
        launch_share=lambda: launch_share(account),
        blocks=blocks,
        wanted=wanted,
    )
    return time, short.plan


def launch_share(account: Account) -> float:
    """What of the trials' time their launches took; 0 before there was any."""
    parts = account.parts()
    load_s = parts.get(LOAD, 0.0)
    whole_s = load_s + parts.get(PRIME, 0.0) + parts.get(MEASURE, 0.0)
    return load_s / whole_s if whole_s > 0 else 0.0


def simplifier(rounds: EffectsRounds, search: Search, short_plan: ReplayPlan) -> Simplifier:
    """The stage of one study, ready to run."""
    ledger, budget, time = search.ledger, rounds.budget, rounds.time
    return Simplifier(
        search=search,
        folder=rounds.folder,
        searched=len(ledger.searched(FEWER).measured),
        short_plan=short_plan,
        make_round=rounds.make,
        costs=lambda: time.costs(budget, ledger),
        has_time_for_trial=lambda: time.has_time_for_trial(budget, ledger),
        floor=rounds.steady.floor,
        floor_width=rounds.steady.anchors.floor_width,
        measures=time.wanted,
    )
