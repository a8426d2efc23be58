"""From the engines' searches to what is proved: heats within engines, then all against all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.search.confirm import Arm, Confirmation, Confirmed, Key
from autotune.search.contest.arms import ContestArm, Dispatch, Owner, arms_of, baseline_of
from autotune.search.contest.budget import ContestBudget, launch_s
from autotune.search.contest.noise import holder_floor
from autotune.search.contest.side import Side, leader
from autotune.search.events import Listener
from autotune.search.finals import CLOSE, CONTENDERS, contenders, fastest
from autotune.search.judge import Judge
from autotune.search.ledger import Entry
from autotune.search.remeasure import Remeasure
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurer


@dataclass(frozen=True, slots=True)
class Proof:
    """What was confirmed: the arms, the one they are compared with, and what they showed."""

    arms: tuple[ContestArm, ...]
    baseline: ContestArm
    confirmed: Confirmed


@dataclass(slots=True, kw_only=True)
class Finals:
    """Heats and the confirmation across engines, on the same held-out turns.

    `plan` and `judge` are the baseline engine's; `owners` measure. `earlier` are records of blocks
    that a former run of the same finals finished. `refused` counts configs that did not hold when
    they were filled: without them other arms meet, which is another round.
    """

    sides: Sequence[Side]
    owners: Mapping[str, Owner]
    holder: str
    plan: ReplayPlan
    judge: Judge
    budget: ContestBudget
    log: TurnLog
    listener: Listener
    stop: threading.Event
    earlier: Mapping[Key, tuple[TurnRecord, ...]]
    held_out: bool
    seed: int = 0
    refused: int = 0
    clean: Remeasure | None = None
    booked: Callable[[Measurer], Measurer] = lambda measurer: measurer

    def run(self) -> Proof | None:
        """Confirm every engine's default and best; ``None`` when no default was ever measured.

        Where there is room for it, the best few of each engine that is near the best one run a
        heat first, once each; its records choose and are not counted in the verdict.
        """
        heat, bests = self._heat()
        arms = [arm for s in self.sides for arm in arms_of(s.label, s.ledger, bests.get(s.label))]
        baseline = baseline_of(arms, self.holder)
        if baseline is None:
            return None
        owners = {arm.name: arm.engine for arm in arms}
        round_ = self._round("confirm", self.budget.blocks, owners, baseline.name)
        confirmed = round_.run([arm.arm for arm in arms])
        if heat is not None:
            confirmed = _joined(heat, confirmed)
        return Proof(tuple(arms), baseline, confirmed)

    def _heat(self) -> tuple[Confirmed | None, dict[str, Entry]]:
        """The heats of all engines in one round, and the fastest of each engine that ran one."""
        rivals = {s.label: self._rivals(s, most) for s, most in self._sizes()}
        rivals = {label: arms for label, arms in rivals.items() if len(arms) > 1}
        if not rivals:
            return None, {}
        arms = [_named(label, arm) for label, each in rivals.items() for arm in each]
        owners = {_named(label, arm).name: label for label, each in rivals.items() for arm in each}
        heat = self._round("heat", 1, owners, "").run(arms)
        bests = {}
        for label, each in rivals.items():
            best = fastest([_named(label, arm) for arm in each], heat, self.judge)
            if best is not None:
                ledger = next(s.ledger for s in self.sides if s.label == label)
                bests[label] = next(e for e in ledger.ranked if e.number == best.number)
        return heat, bests

    def _rivals(self, side: Side, most: int) -> list[Arm]:
        return contenders(side.ledger, most)[1:] if side.ledger.baseline is not None else []

    def _sizes(self) -> list[tuple[Side, int]]:
        """How many of each engine's best run a heat: the leader's first, as far as there is time.

        An engine whose best is not near the leader's needs no second opinion on it.
        """
        top = leader(tuple(self.sides))
        if top is None or top[1].value is None:
            return []
        near = [s for s in self.sides if _value(s) <= CLOSE * top[1].value]
        near.sort(key=lambda s: s is not top[0])
        spare_s = self._spare_s()
        sizes = []
        for side in near:
            cost_s = launch_s(side)
            most = CONTENDERS
            if spare_s is not None and cost_s > 0:
                most = max(0, min(CONTENDERS, int(spare_s / cost_s)))
                spare_s -= most * cost_s if most > 1 else 0.0
            sizes.append((side, most))
        return sizes

    def _spare_s(self) -> float | None:
        """What the confirmation leaves of the time; a heat that was begun is finished."""
        left_s = self.budget.total.confirm_left_s()
        name = self._round_name("heat")
        if left_s is None or any(arm.startswith(f"{name}-") for arm, _ in self.earlier):
            return None
        return left_s - self.budget.confirm_s(self.sides)

    def _round_name(self, stem: str) -> str:
        count = f"{self.refused + 1}" if self.refused else ""
        return f"{stem}{count}-{sum(len(s.ledger.measured) for s in self.sides):04d}"

    def _round(
        self, stem: str, blocks: int, engines: Mapping[str, str], baseline: str
    ) -> Confirmation:
        name = self._round_name(stem)
        owners = {arm: self.owners[engine] for arm, engine in engines.items()}
        return Confirmation(
            plan=self.plan,
            measurer=self.booked(Dispatch(name, owners)),
            judge=self.judge,
            log=self.log,
            listener=self.listener,
            round_name=name,
            blocks=blocks,
            budget=self.budget.total,
            seed=self.seed,
            held_out=self.held_out,
            stop=self.stop,
            earlier=self.earlier,
            baseline=baseline,
            clean=self.clean,
            floor=holder_floor(self.sides, self.holder),
        )


def _named(engine: str, arm: Arm) -> Arm:
    return replace(arm, name=f"{engine}-{arm.name}")


def _value(side: Side) -> float:
    best = side.ledger.best
    return float("inf") if best is None or best.value is None else best.value


def _joined(heat: Confirmed, confirmed: Confirmed) -> Confirmed:
    return replace(
        confirmed,
        failed={**heat.failed, **confirmed.failed},
        seconds=heat.seconds + confirmed.seconds,
        disturbed=(*heat.disturbed, *confirmed.disturbed),
    )
