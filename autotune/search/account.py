"""Where the wall time of a study went, to the second: parts that sum to it.

Every measurement is booked by the arm it is for; what is booked nowhere is overhead: the search's
own reckoning, the disk, stopping and starting. The account is kept beside the study, so that one
that was stopped and goes on counts from where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from autotune.candidate import Candidate
from autotune.replay.plan import ReplayPlan
from autotune.search.anchor import is_anchor
from autotune.search.leave_one_out import STAGE
from autotune.search.ledger import is_trial_arm
from autotune.study.folder import StudyFolder
from autotune.trial.measurement import (
    Enough,
    Measurement,
    Measurer,
    RecordSink,
    TrialSeconds,
    never,
)

SETUP, LOAD, PRIME, MEASURE = "setup", "load", "prime", "measure"
REMEASURE, CONFIRM, HOLD, QUALITY = "re-measure", "confirm", "hold", "quality"
EFFECTS = "effects"
QUESTIONS, CUT_OFF, OVERHEAD = "questions", "cut off", "overhead"

PARTS = (
    SETUP, LOAD, PRIME, MEASURE, REMEASURE, EFFECTS, CONFIRM, HOLD, QUALITY, QUESTIONS, CUT_OFF,
    OVERHEAD,
)  # fmt: skip
"""What there is, in the order of a study.

``setup``: reading, and the survey. ``load``: launches of trials, and their stops. ``prime``: the
requests before the first turn. ``measure``: their turns. ``re-measure``: anchors, and what was
set aside because others used the machine. ``effects``: the winner without each of its changes.
``confirm``: the heat and the confirmation, launches
included. ``hold``: filling the winner. ``quality``: the guard. ``questions``: what is asked after a
replay. ``cut off``: measurements that an interrupt ended.
"""

TOTAL = "total"


@dataclass(slots=True)
class Account:
    """Seconds by part. `earlier` is what former runs of the study took, `keep` saves the whole.

    `clock` is monotonic, `started_s` its time when this run began.
    """

    clock: Callable[[], float]
    started_s: float
    earlier: Mapping[str, float] = field(default_factory=dict)
    keep: Callable[[Mapping[str, float]], None] = lambda _: None
    _booked: dict[str, float] = field(default_factory=dict)
    _known: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)

    @property
    def wall_s(self) -> float:
        """Since the study began, pauses between runs not counted."""
        return sum(self.earlier.values()) + self.clock() - self.started_s

    @property
    def booked_s(self) -> float:
        """What of this run is booked by now."""
        return sum(self._booked.values())

    def book(self, part: str, seconds: float) -> None:
        """`seconds` of this run went into `part`."""
        self._booked[part] = self._booked.get(part, 0.0) + seconds

    def parts(self) -> dict[str, float]:
        """Seconds by part, zeros left out, overhead last; they sum to `wall_s`."""
        found = dict(self._booked)
        found[OVERHEAD] = self.clock() - self.started_s - sum(found.values())
        both = {name: found.get(name, 0.0) + self.earlier.get(name, 0.0) for name in PARTS}
        return {name: seconds for name, seconds in both.items() if seconds}

    def told(self) -> dict[str, float]:
        """`parts`, and their ``total``."""
        parts = self.parts()
        return {**parts, TOTAL: sum(parts.values())}

    def save(self) -> None:
        """Keep it for a run that goes on."""
        self.keep(self.parts())

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Book what happens inside, however it ends; what measurements book in it is not counted
        twice."""
        began_s, booked_s = self.clock(), self.booked_s
        try:
            yield
        finally:
            inside_s = self.booked_s - booked_s
            self.book(part, self.clock() - began_s - inside_s)
            self.save()

    def measured(self, arm: str, block: int, parts: Mapping[str, float]) -> None:
        """One measurement of `arm`. What was booked for the same one before was set aside."""
        former = self._known.pop((arm, block), {})
        for part, seconds in former.items():
            self.book(part, -seconds)
            self.book(REMEASURE, seconds)
        for part, seconds in parts.items():
            self.book(part, seconds)
        self._known[arm, block] = dict(parts)


def open_account(
    folder: StudyFolder, clock: Callable[[], float], started_s: float, least_s: float = 0.0
) -> Account:
    """The account of the study in `folder`, with what its former runs took.

    `least_s` is what its records show at the least: where a run was killed before it could save,
    the difference is ``cut off``.
    """
    earlier = folder.read_account()
    missing_s = least_s - sum(earlier.values())
    if missing_s > 0:
        earlier = {**earlier, CUT_OFF: earlier.get(CUT_OFF, 0.0) + missing_s}
    return Account(clock, started_s, earlier, folder.write_account)


def parts_of(arm: str, seconds: TrialSeconds) -> dict[str, float]:
    """A measurement's seconds by part, after what it was for."""
    if is_anchor(arm):
        return {REMEASURE: seconds.total_s}
    if not is_trial_arm(arm):
        return {EFFECTS if arm.startswith(f"{STAGE}-") else CONFIRM: seconds.total_s}
    return {
        LOAD: seconds.load_s + seconds.stop_s,
        PRIME: seconds.warm_up_s,
        MEASURE: seconds.replay_s,
        QUALITY: seconds.quality_s,
        QUESTIONS: seconds.after_s,
    }


@dataclass(frozen=True, slots=True)
class Booked:
    """A measurer whose measurements are booked in `account`; `owner` is the engine, of several."""

    measurer: Measurer
    account: Account
    owner: str = ""

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        """What `measurer` says; an interrupted measurement is booked as cut off."""
        account, began_s = self.account, self.account.clock()
        found: Measurement | None = None
        try:
            found = self.measurer.measure(
                candidate, plan, arm=arm, block=block, sink=sink, enough=enough
            )
        finally:
            if found is None:
                account.book(CUT_OFF, account.clock() - began_s)
            else:
                name = f"{self.owner}/{arm}"
                account.measured(name, block, parts_of(arm, found.seconds))
            account.save()
        return found
