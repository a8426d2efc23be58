"""The confirmation: the best candidates against the default, interleaved, on held-out sessions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.comparison import CONFIDENCE
from autotune.scoring.contaminated import contaminated
from autotune.scoring.interval import Comparison, compare, turn_by_turn
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.noise import NoiseFloor
from autotune.search.budget import Budget
from autotune.search.events import MORE, ConfirmBlock, ConfirmStarted, Listener
from autotune.search.judge import Judge
from autotune.search.remeasure import BLOCK_TIMES, Remeasure
from autotune.search.second_chance import SecondChance
from autotune.search.sink import turn_sink
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement, Measurer

DEFAULT_ARM = "default"

FIRST_LOOK, TURNS_LOOK, SECOND_LOOK = 0.96, 0.96, 0.98
"""The confidence of a verdict that may be looked at twice, and of the turns' own ratios at the
first look. A win is what may be wrong, and half of what an interval leaves out lies above it: 2, 2
and 1 in 100, which are 5 together at most (Bonferroni). The second look has most to gain by more
blocks, as Student's t is far narrower over six than over three, and can afford to be stricter."""

WORTH = 1.02
"""A speed-up of less is not worth more blocks."""

TURNS_DISTURBED = "too many turns were disturbed"
EARLIER_DISTURBED = "blocks of an earlier run were disturbed"

Key = tuple[str, int]
"""(arm in the turn log, block)."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of the confirmation. `number` is its trial; ``None`` for the default."""

    name: str
    candidate: Candidate
    number: int | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Records by arm name, arms that failed with the reason, and each arm against the default.

    `disturbed` says, for each measurement that was not alone on the machine, what telemetry saw.
    `in_use` names the arm of the config that is in use now, and `over_in_use` has every other arm,
    the default too, against it.
    """

    records: Mapping[str, tuple[TurnRecord, ...]]
    failed: Mapping[str, str]
    comparisons: Mapping[str, Comparison]
    blocks: int
    seconds: float
    disturbed: tuple[str, ...] = ()
    in_use: str | None = None
    over_in_use: Mapping[str, Comparison] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Confirmation:
    """Measures every arm once a block, in an order that turns around from block to block.

    `baseline` is the arm that the others are compared with. What others disturbed is measured again
    by `clean`; where disturbed blocks are left, and where there is but one block, every interval is
    widened by `floor`.
    Where `more` is given and the blocks leave it open whether an arm wins, so many more are
    measured as time allows, and the verdict is looked at a second time; both looks are the stricter
    for it. `earlier` are records of blocks that a former run of the same confirmation finished;
    they are not measured again. Stops between blocks when the budget or the user says so.
    """

    plan: ReplayPlan
    measurer: Measurer
    judge: Judge
    log: TurnLog
    listener: Listener
    round_name: str
    blocks: int
    budget: Budget
    seed: int
    held_out: bool
    stop: threading.Event
    earlier: Mapping[Key, tuple[TurnRecord, ...]] = field(default_factory=dict)
    baseline: str = DEFAULT_ARM
    clean: Remeasure | None = None
    floor: NoiseFloor | None = None
    more: int = 0
    stage: str = "confirm"
    _records: dict[str, list[TurnRecord]] = field(default_factory=dict)
    _failed: dict[str, str] = field(default_factory=dict)
    _took_s: dict[str, float] = field(default_factory=dict)
    _seconds: float = 0.0
    _disturbed: list[str] = field(default_factory=list)
    _chance: SecondChance = field(init=False)

    def __post_init__(self) -> None:
        self._chance = SecondChance(self.log)

    def run(self, arms: Sequence[Arm], in_use: str | None = None) -> Confirmed:
        """Measure `arms`, and compare each with the baseline where that is one of them.

        `in_use` is the arm, one of them, that they are compared with besides.
        """
        self._tell(arms, self.blocks, self.stage)
        done = self._go(arms, 0, self.blocks)
        found = self._looked(arms, done, in_use, FIRST_LOOK if self.more else CONFIDENCE)
        if done == self.blocks and self._is_open(found) and self._may_begin(arms, done):
            self._tell(arms, self.more, MORE)
            done = self._go(arms, done, self.blocks + self.more)
            found = self._looked(arms, done, in_use, SECOND_LOOK)
        return found

    def _tell(self, arms: Sequence[Arm], blocks: int, stage: str) -> None:
        names, sessions = tuple(arm.name for arm in arms), len(self.plan.session_ids)
        self.listener(ConfirmStarted(names, sessions, self.held_out, blocks, self.baseline, stage))

    def _go(self, arms: Sequence[Arm], done: int, until: int) -> int:
        """Blocks from `done` on, as far as time and arms allow; how many there are then."""
        for block in range(done, until):
            if not self._may_begin(arms, block):
                break
            self._block(arms, block)
            if self.baseline in self._failed or self.stop.is_set():
                break
            done += 1
        return done

    def _may_begin(self, arms: Sequence[Arm], block: int) -> bool:
        return self._is_known(arms, block) or self._fits(block)

    def _looked(
        self, arms: Sequence[Arm], done: int, in_use: str | None, confidence: float
    ) -> Confirmed:
        """What is known after `done` blocks."""
        over = {} if in_use is None else self._compared(arms, done, in_use, confidence)
        return Confirmed(
            comparisons=self._compared(arms, done, self.baseline, confidence),
            records={name: tuple(rows) for name, rows in self._records.items()},
            failed=dict(self._failed),
            blocks=done,
            seconds=self._seconds,
            disturbed=tuple(self._disturbed),
            in_use=in_use,
            over_in_use=over,
        )

    def _is_open(self, found: Confirmed) -> bool:
        """Whether more blocks may show an arm to win that these do not."""
        duels = [_duels(found, arm) for arm in found.comparisons if arm != found.in_use]
        won = any(all(c.wins for c in duel) for duel in duels)
        near = any(all(c.ratio > WORTH for c in duel) for duel in duels)
        return bool(self.more) and not self.stop.is_set() and near and not won

    def _is_known(self, arms: Sequence[Arm], block: int) -> bool:
        """Whether a former run measured this block of every arm: then it costs nothing."""
        whole = len(self.plan.turns)
        names = (f"{self.round_name}-{arm.name}" for arm in arms)
        return all(len(self.earlier.get((name, block), ())) == whole for name in names)

    def _fits(self, done: int) -> bool:
        """Whether another block fits what is left; the first is always measured.

        Those that were promised may end a little late, further ones may not.
        """
        left = self._left_s(done)
        if done == 0 or left is None:
            return True
        return self._seconds / done <= left

    def _block(self, arms: Sequence[Arm], block: int) -> None:
        order = arms if block % 2 == 0 else list(reversed(arms))
        for place, arm in enumerate(order):
            if self.baseline in self._failed or self.stop.is_set():
                return
            if arm.name not in self._failed:
                self._measure(arm, block, order[place + 1 :])

    def _measure(self, arm: Arm, block: int, rest: Sequence[Arm]) -> None:
        log_name = f"{self.round_name}-{arm.name}"
        known = self.earlier.get((log_name, block))
        if known is not None and len(known) == len(self.plan.turns):
            if contaminated(known).spoiled:
                self._disturbed.append(EARLIER_DISTURBED)
            self._take(arm, block, known)
            return
        measurement = self._replayed(arm, block, log_name)
        while self._again(measurement, self._spare_s(measurement, arm, rest)):
            measurement = self._replayed(arm, block, log_name)
        if measurement.telemetry.get("contaminated"):
            self._disturbed.append("; ".join(measurement.telemetry.get("reasons", ())))
        elif contaminated(measurement.records).spoiled:
            self._disturbed.append(TURNS_DISTURBED)
        if measurement.failure is not None:
            self._failed[arm.name] = f"{measurement.failure.kind}: {measurement.failure.message}"
            self.listener(ConfirmBlock(arm.name, block, None, self._failed[arm.name]))
            return
        self._took_s[arm.name] = measurement.seconds.total_s
        self._take(arm, block, measurement.records)

    def _left_s(self, block: int) -> float | None:
        """What a measurement of `block` may take; of those promised, a little late."""
        promised = block < self.blocks
        return self.budget.block_left_s() if promised else self.budget.confirm_left_s()

    def _spare_s(self, measurement: Measurement, arm: Arm, rest: Sequence[Arm]) -> float | None:
        """What may be spent on making `measurement` again, in the time that it took itself.

        The rest of the block must still fit, and what broke down half way takes longer when it
        does not.
        """
        left_s = self._left_s(measurement.block)
        to_come_s = sum(self._took_s.get(one.name, 0.0) for one in rest)
        longer_s = max(0.0, self._took_s.get(arm.name, 0.0) - measurement.seconds.total_s)
        return None if left_s is None else left_s - to_come_s - longer_s

    def _again(self, measurement: Measurement, left_s: float | None) -> bool:
        """Whether it is made once more: others used the machine, or it broke down."""
        if self.clean is not None and self.clean.again(
            measurement, times=BLOCK_TIMES, left_s=left_s
        ):
            return True
        return self._chance.again(measurement, left_s, needed=True)

    def _replayed(self, arm: Arm, block: int, log_name: str) -> Measurement:
        measurement = self.measurer.measure(
            arm.candidate,
            self.plan,
            arm=log_name,
            block=block,
            sink=turn_sink(self.log, self.listener, len(self.plan.turns)),
        )
        self._seconds += measurement.seconds.total_s
        return measurement

    def _take(self, arm: Arm, block: int, records: Sequence[TurnRecord]) -> None:
        self._records.setdefault(arm.name, []).extend(records)
        self.listener(ConfirmBlock(arm.name, block, self.judge.score(records).turn_s))

    def _compared(
        self, arms: Sequence[Arm], blocks: int, base: str, confidence: float
    ) -> dict[str, Comparison]:
        """Every other arm against `base`.

        Where `base` broke down, whole blocks of before stand: it is not better for that, and a
        study must not lose its proof to an accident.
        """
        before = self._whole(base, blocks)
        if not before:
            return {}
        found = {}
        for arm in arms:
            records = self._whole(arm.name, blocks)
            if arm.name == base or arm.name in self._failed or not records:
                continue
            try:
                found[arm.name] = self._compare(before, records, len(arms) - 1, confidence)
            except NoMetricValue as absence:
                self._failed[arm.name] = absence.message
        return found

    def _compare(
        self,
        before: Sequence[TurnRecord],
        candidate: Sequence[TurnRecord],
        candidates: int,
        confidence: float,
    ) -> Comparison:
        """As one of as many `candidates` as began: one that failed had its chance as well.

        At the first look of two a win may also be one turn by turn.
        """
        noise_is_told = self._is_loud() or len({record.block for record in before}) == 1

        def at(confidence: float) -> Comparison:
            return compare(
                before,
                candidate,
                keys=self.judge.at_depth,
                objective=self.judge.objective,
                seed=self.seed,
                candidates=candidates,
                confidence=confidence,
                floor=self.floor.half_widths if self.floor and noise_is_told else None,
            )

        found = at(confidence)
        if not self.more or confidence != FIRST_LOOK or found.wins or found.ratio <= 1:
            return found
        paired = turn_by_turn(at(TURNS_LOOK))
        return found if paired is None or not paired.wins else paired

    def _is_loud(self) -> bool:
        """Whether a block is kept that others disturbed.

        By the records alone, so that a run that goes on from them says the same.
        """
        blocks: dict[Key, list[TurnRecord]] = {}
        for name, records in self._records.items():
            for record in records:
                blocks.setdefault((name, record.block), []).append(record)
        return any(contaminated(rows).spoiled for rows in blocks.values())

    def _whole(self, name: str, blocks: int) -> list[TurnRecord]:
        """Records of blocks that every arm finished."""
        return [r for r in self._records.get(name, ()) if r.block < blocks]


def _duels(found: Confirmed, arm: str) -> list[Comparison]:
    """What `arm` must win: against the baseline, and against the config in use."""
    over = found.over_in_use.get(arm)
    return [found.comparisons[arm], *([] if over is None else [over])]


def finished_blocks(records: Sequence[TurnRecord]) -> dict[Key, tuple[TurnRecord, ...]]:
    """Records by (arm, block); of turns measured twice, after a kill, the later stands."""
    found: dict[Key, dict[int, TurnRecord]] = {}
    for record in records:
        if record.ok:
            found.setdefault((record.arm, record.block), {})[record.order] = record
    return {key: tuple(rows[o] for o in sorted(rows)) for key, rows in found.items()}
