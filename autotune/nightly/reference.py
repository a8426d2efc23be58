"""What a canary is compared with: figures of the live config and the defaults on a few deep turns.

Taken right after a tuning, on the machine as it is then: the config, the defaults, the defaults,
the config, so that what drifts meanwhile meets both alike. A run that others disturbed is made
again; where that does not help it counts all the same, and the figures say so. They lie with the
generation, beside the turns themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.nightly.canary_plan import CanaryTurns
from autotune.nightly.drift import Seconds, shift, together
from autotune.records import TurnRecord
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History
from autotune.scoring.contaminated import contaminated
from autotune.scoring.noise import ASSUMED, NoiseFloor
from autotune.scoring.objective import Objective
from autotune.search.anchor import ERRORS
from autotune.search.judge import TurnKey
from autotune.trial.measurement import Measurement, Measurer

REFERENCE_VERSION = "canary-reference/1"
LIVE, DEFAULT = "canary-live", "canary-default"
"""The arms, and the beginning of their logs' names."""

TRIES = 2
"""Launches for one run, where the first one does not count."""

MOST_FLOOR = 0.5
"""Of a floor that is worked out from a reference's own runs, as a log-ratio: what the loudest
machine had that was recorded (studies/aa-calibration). Beyond it a launch was a bad one."""

_ORDER = ((LIVE, 0), (DEFAULT, 0), (DEFAULT, 1), (LIVE, 1))
_METRIC = {Objective.TURN: "turn_s", Objective.TTFT: "ttft", Objective.DECODE: "decode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What was measured, and on what.

    Attributes:
        settings, default_settings: all that the engine was given, by flag name.
        seconds, default_seconds: of each scored turn, by the objective; the defaults' are empty
            where those do not run on this machine.
        floor: of two runs one after the other, a log-ratio.
        plan_digest: of the turns; another plan cannot be compared.
        live_run_s, default_run_s: what one run with its launch takes.
        disturbed: whether others used the machine in a run that counts.
        measured_at: UTC, ISO 8601.
    """

    settings: Mapping[str, Setting]
    default_settings: Mapping[str, Setting]
    objective: Objective
    rendering: Rendering
    history: History
    seconds: Seconds
    default_seconds: Seconds = field(default_factory=dict)
    floor: float
    plan_digest: str
    live_run_s: float
    default_run_s: float | None = None
    disturbed: bool = False
    measured_at: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        return {
            "schema_version": REFERENCE_VERSION,
            "settings": dict(self.settings),
            "default_settings": dict(self.default_settings),
            "objective": self.objective.value,
            "rendering": self.rendering.value,
            "history": self.history.value,
            "seconds": _rows(self.seconds),
            "default_seconds": _rows(self.default_seconds),
            "floor": self.floor,
            "plan_digest": self.plan_digest,
            "live_run_s": self.live_run_s,
            "default_run_s": self.default_run_s,
            "disturbed": self.disturbed,
            "measured_at": self.measured_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str) -> Reference:
        """What `to_json` wrote. Raises `MachineError` that names `source`."""
        if data.get("schema_version") != REFERENCE_VERSION:
            raise MachineError(
                f"{source} holds no figures that this version knows",
                "use the autotune that wrote it; the next tuning measures them anew",
            )
        try:
            return _reference(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MachineError(
                f"{source} is damaged: {error}", "the next tuning measures them anew"
            ) from error


def _rows(seconds: Seconds) -> list[list[Any]]:
    return [[session, turn, value] for (session, turn), value in seconds.items()]


def _seconds(rows: Sequence[Sequence[Any]]) -> dict[TurnKey, float]:
    return {(str(session), int(turn)): float(value) for session, turn, value in rows}


def _reference(data: Mapping[str, Any]) -> Reference:
    known = ("settings", "default_settings", "floor", "plan_digest", "live_run_s")
    return Reference(
        **{name: data[name] for name in known},
        objective=Objective(data["objective"]),
        rendering=Rendering(data["rendering"]),
        history=History(data["history"]),
        seconds=_seconds(data["seconds"]),
        default_seconds=_seconds(data["default_seconds"]),
        default_run_s=data["default_run_s"],
        disturbed=data["disturbed"],
        measured_at=data["measured_at"],
    )


def turn_seconds(
    records: Sequence[TurnRecord], scored: frozenset[TurnKey], objective: Objective
) -> dict[TurnKey, float]:
    """What the scored turns took; those that have no figure are left out."""
    named = ((r.session_id, r.turn) for r in records)
    told = zip(named, records, strict=True)
    found = {k: objective.turn_seconds(r) for k, r in told if k in scored and r.ok}
    return {key: value for key, value in found.items() if value}


def run_once(
    measurer: Measurer,
    asked: CanaryTurns,
    settings: Mapping[str, Setting],
    *,
    arm: str,
    block: int,
) -> Measurement:
    """One launch of a config on the turns."""
    return measurer.measure(
        Candidate(settings), asked.plan, arm=arm, block=block, sink=lambda _: None
    )


def is_disturbed(found: Measurement) -> bool:
    """Whether others used the machine so much that it says little of the config."""
    return contaminated(found.records).spoiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a reference is taken of. `floor` is the study's, where it measured one."""

    settings: Mapping[str, Setting]
    default_settings: Mapping[str, Setting]
    objective: Objective
    rendering: Rendering
    history: History
    floor: NoiseFloor | None = None


def take_reference(
    subject: Subject,
    asked: CanaryTurns,
    measurer: Measurer,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Reference:
    """Measures both configs twice, in turns. Raises `MachineError` when the live one does not run.

    Defaults that do not run are left out from then on: not every machine holds them.
    """
    runs = _runs(subject, asked, measurer)
    stamp = now().isoformat(timespec="seconds")
    good = [] if any(run.failure for run in runs[DEFAULT]) else runs[DEFAULT]
    disturbed = any(map(is_disturbed, (*runs[LIVE], *good)))
    floor = _floor(subject, asked, [runs[LIVE], good])
    return Reference(
        settings=dict(subject.settings),
        default_settings=dict(subject.default_settings),
        objective=subject.objective,
        rendering=subject.rendering,
        history=subject.history,
        seconds=_both(runs[LIVE], asked, subject.objective),
        default_seconds=_both(good, asked, subject.objective),
        floor=max(floor, ASSUMED) if disturbed else floor,
        plan_digest=asked.plan.digest,
        live_run_s=max(run.seconds.total_s for run in runs[LIVE]),
        default_run_s=max((run.seconds.total_s for run in good), default=None),
        disturbed=disturbed,
        measured_at=stamp,
    )


def _runs(
    subject: Subject, asked: CanaryTurns, measurer: Measurer
) -> Mapping[str, Sequence[Measurement]]:
    """The runs of both that count, by arm."""
    runs: dict[str, list[Measurement]] = {LIVE: [], DEFAULT: []}
    for arm, block in _ORDER:
        if arm == DEFAULT and any(run.failure for run in runs[DEFAULT]):
            continue
        settings = subject.settings if arm == LIVE else subject.default_settings
        runs[arm].append(_quiet(measurer, asked, settings, arm, block))
        if arm == LIVE:
            _demand(runs[LIVE][-1])
    return runs


def _quiet(
    measurer: Measurer, asked: CanaryTurns, settings: Mapping[str, Setting], arm: str, block: int
) -> Measurement:
    """One run; the last of `TRIES` where others disturbed all of them."""
    for attempt in range(TRIES):
        number = block + attempt * len(_ORDER)
        found = run_once(measurer, asked, settings, arm=arm, block=number)
        if found.failure is not None or not is_disturbed(found):
            break
    return found


def _demand(run: Measurement) -> None:
    if run.failure is not None:
        raise MachineError(
            f"the config in use could not be measured for later nights: {run.failure.message}",
            f"its log is {run.log_path}",
        )


def _both(
    runs: Sequence[Measurement], asked: CanaryTurns, objective: Objective
) -> dict[TurnKey, float]:
    return together([turn_seconds(run.records, asked.scored, objective) for run in runs])


def _floor(subject: Subject, asked: CanaryTurns, arms: Sequence[Sequence[Measurement]]) -> float:
    """The study's floor where it was measured; else by the two runs of each config here.

    Of those: how far they lie apart, and two standard errors of their turns. A floor beyond
    `MOST_FLOOR` would make a canary blind, and looks that have to agree are the better guard.
    """
    if subject.floor is not None and subject.floor.is_measured:
        return subject.floor.half_width(_METRIC[subject.objective])
    looks = [[turn_seconds(r.records, asked.scored, subject.objective) for r in a] for a in arms]
    drifts = [shift(*pair) for pair in looks if len(pair) == len(_ORDER) // 2]
    widths = [
        abs(found.shift) + ERRORS * found.error
        for found in drifts
        if found.shift is not None and found.error is not None
    ]
    return min(MOST_FLOOR, max(widths, default=ASSUMED))
