"""A recording ready to be searched: space, plans, judge, feasibility and measurer.

    setup = recorded_setup(Path("studies/factorial-llama-server-cpu"), seed=7, noise="recorded")
    budget = Budget(limit_s=600, ..., clock=setup.clock, started_s=setup.clock())

The first six fields are the tuple that every setup is, simulated ones too: ``space, search_plan,
confirm_plan, judge, feasibility, measurer``. A folder is a full factorial (`search.factorial`), or
an ordinary study that has finished (`search.recorded_study`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.factorial import FactorialFolder, turn_keys
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.judge import Judge
from autotune.search.ledger import AFTER_DRIFT
from autotune.search.recorded_study import StudyRecording, study_recording
from autotune.search.space import Space
from autotune.study.folder import StudyFolder
from autotune.trial.recorded import NOT_RECORDED, RecordedMeasurer, RecordedTrial
from autotune.trial.recorded_noise import Bursts, Noise, fit_noise
from autotune.trial.recorded_rows import ANCHOR, LaunchRow, TurnKey, recorded_trials
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

NONE, RECORDED, TENFOLD = "none", "recorded", "tenfold-bursts"
NOISES = (NONE, RECORDED, TENFOLD)
"""``none``: what was recorded, again and again in the same order. ``recorded``: as the machine
differed from itself. ``tenfold-bursts``: that, and turns in a row that take ten times as long."""


class RecordedSetup(NamedTuple):
    """What a strategy is given. Unpacks as the first six; `clock` is the measurer's.

    Attributes:
        space: what was varied.
        search_plan, confirm_plan: the same turns, since no others were recorded: what is confirmed
            is confirmed by looks of its own, on the sessions that were searched.
        judge: as the recording was scored.
        feasibility: refuses what was not recorded, where all of the space was.
        measurer: moves `clock` on by what each measurement took.
        name: the folder's.
    """

    space: Space
    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    judge: Judge
    feasibility: Feasibility
    measurer: ClockedMeasurer
    clock: VirtualClock
    name: str

    @property
    def recorded(self) -> RecordedMeasurer:
        """The measurer without the clock."""
        assert isinstance(self.measurer.measurer, RecordedMeasurer)
        return self.measurer.measurer


def recorded_setup(
    folder: Path, seed: int = 0, noise: str | Noise | None = RECORDED
) -> RecordedSetup:
    """The recording in `folder`, ready to be searched; the same for the same arguments.

    `seed` is of the noise: what each configuration is worth without it is the same for all. Raises
    `UserError` for a folder that is no recording, for an unknown noise, and for ``recorded`` noise
    where no configuration was measured often enough to know any.
    """
    if (folder / "factorial.json").is_file():
        return _factorial_setup(folder, seed, noise)
    found = study_recording(StudyFolder(folder))
    measurer = RecordedMeasurer(found.trials, noise=_noise(noise, found.repeats), seed=seed)
    return _setup(found, measurer, Feasibility(found.space, None, Limits(None, None), gpu=False))


def true_values(setup: RecordedSetup) -> dict[str, float]:
    """What every recorded configuration is worth without noise, by its key; failures left out."""
    truth = setup.recorded.truth()
    values: dict[str, float] = {}
    for settings in setup.recorded.configurations:
        candidate = Candidate(settings)
        found = truth.measure(
            candidate, setup.search_plan, arm="truth", block=0, sink=lambda _: None
        )
        value = setup.judge.judge(found).value
        if value is not None:
            values[candidate.key] = value
    return values


@dataclass(slots=True)
class RecordedFeasibility(Feasibility):
    """Refuses what was not recorded, so that a search stays within what can be answered."""

    recorded: frozenset[str] = frozenset()

    def refusal(self, candidate: Candidate) -> Failure | None:
        """Why `candidate` must not be measured, or ``None``."""
        if candidate.key not in self.recorded:
            return Failure(FailureKind.BAD_FLAG, NOT_RECORDED)
        return Feasibility.refusal(self, candidate)


def _factorial_setup(path: Path, seed: int, noise: str | Noise | None) -> RecordedSetup:
    folder = FactorialFolder(path)
    found = factorial_recording(folder)
    measurer = RecordedMeasurer(
        found.trials, exact=True, noise=_noise(noise, found.repeats), seed=seed
    )
    feasibility = RecordedFeasibility(
        found.space,
        None,
        Limits(None, None),
        gpu=False,
        recorded=frozenset(Candidate(t.settings).key for t in found.trials),
    )
    return _setup(found, measurer, feasibility)


def _setup(
    found: StudyRecording, measurer: RecordedMeasurer, feasibility: Feasibility
) -> RecordedSetup:
    clock = VirtualClock()
    return RecordedSetup(
        space=found.space,
        search_plan=found.plan,
        confirm_plan=found.plan,
        judge=found.judge,
        feasibility=feasibility,
        measurer=ClockedMeasurer(measurer, clock),
        clock=clock,
        name=found.name,
    )


def factorial_recording(folder: FactorialFolder) -> StudyRecording:
    """What a factorial holds: its plan, its launches, and the default's again and again."""
    facts, plan = folder.read_facts(), folder.plan()
    if plan.digest != facts["plan_digest"]:
        raise UserError(
            f"{folder.path}: the workload is not the one that was recorded",
            "restore workload.jsonl as it was",
        )
    rows, turns = standing(folder.rows()), list(folder.turns())
    trials = recorded_trials(rows, turns, _asked(facts["rungs"]))
    return StudyRecording(
        name=folder.path.resolve().name,
        space=folder.space(),
        plan=plan,
        judge=Judge(Objective(facts["objective"]), frozenset(turn_keys(plan))),
        trials=trials,
        repeats=repeats_of(rows, trials),
    )


def standing(rows: Iterable[LaunchRow]) -> list[LaunchRow]:
    """Those that count: a launch from before a drift counts no more once it was made again."""
    every = list(rows)
    again = {_place(r): at for at, r in enumerate(every) if r.label.endswith(AFTER_DRIFT)}
    return [
        row
        for at, row in enumerate(every)
        if row.label == ANCHOR or at >= again.get(_place(row), 0)
    ]


def repeats_of(
    rows: Sequence[LaunchRow], trials: Sequence[RecordedTrial]
) -> list[Sequence[TurnRecord]]:
    """The runs of the default, in order: its own and every anchor."""
    anchors = [row for row in rows if row.label == ANCHOR]
    places = {_place(row) for row in anchors}
    pairs = zip(rows, trials, strict=True)
    return [trial.records for row, trial in pairs if _place(row) in places]


def _place(row: LaunchRow) -> tuple[str, str]:
    return Candidate(row.settings).key, row.rung


def _asked(rungs: dict[str, dict[str, list[list[object]]]]) -> dict[str, tuple[TurnKey, ...]]:
    return {
        name: tuple((str(session), int(str(turn))) for session, turn, _ in rung["turns"])
        for name, rung in rungs.items()
    }


def _noise(asked: str | Noise | None, runs: Sequence[Sequence[TurnRecord]]) -> Noise | None:
    if asked is None or asked == NONE:
        return None
    if isinstance(asked, Noise):
        return asked
    if asked not in NOISES:
        raise UserError(f"no noise is called {asked!r}", f"choose one of {', '.join(NOISES)}")
    found = fit_noise(runs)
    if found is None:
        raise UserError(
            "the recording has too few runs of one configuration to know its noise",
            f"ask for noise {NONE!r}, or record the default more often",
        )
    return found if asked == RECORDED else found.with_bursts(Bursts())
