"""One night as it was: what changed, what was decided, measured and done, and where the time went.

Plain values only, so that a night can be read years later without the parts that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from autotune.errors import MachineError

NIGHT_VERSION = "night/1"


class Outcome(StrEnum):
    """How a night ended."""

    PROMOTED = "promoted"
    """A new config is live."""

    KEPT = "kept"
    """It was tuned again, and the config in use stays."""

    STEADY = "steady"
    """Nothing changed, and the canary saw no drift."""

    NOTHING = "nothing"
    """Nothing changed, and no canary was due."""

    SKIPPED = "skipped"
    """The GPU was in use, the person was at work, or the time was over."""

    ROLLED_BACK = "rolled-back"
    """What was promoted did not serve as it should, and the config before it is live again."""

    STOPPED = "stopped"
    """It was told to end; the next night goes on."""

    FAILED = "failed"
    """Something is wrong, and a person should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNote:
    """Something that is not as it was when the live config was tuned; ``None`` is unknown."""

    name: str
    was: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryNote:
    """A few deep turns of the live config against its last figures.

    `ratio` is seconds now over seconds then, with its interval; above 1 is slower. `floor` is how
    far two runs of one config differ on this machine, as a ratio. `machine_ratio` is the same
    figure of the engine's defaults, where they were asked too.
    """

    turns: int
    ratio: float | None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    machine_ratio: float | None = None
    drifted: bool
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadNote:
    """The sessions that the night replays: how many, and which came and went since the last one."""

    sessions: int
    joined: int = 0
    aged_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningNote:
    """The retune and its proof on sessions that it did not search on.

    `speedup` is of the best against the incumbent, paired, with its interval. `settings` are the
    best's that are no default. `warm_from` are the studies that it began with.
    """

    study: str
    budget_s: float | None = None
    trials: int | None = None
    failed_trials: int | None = None
    warm_from: tuple[str, ...] = ()
    verdict: str = ""
    speedup: float | None = None
    low: float | None = None
    high: float | None = None
    sessions: int | None = None
    quality: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedNote:
    """A setting of the incumbent that the engine does not take any more."""

    setting: str
    value: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionNote:
    """Whether a new config went live, and why or why not.

    `changed` has the settings that differ from the config before, as ``(was, now)``; ``None`` where
    one of them leaves it at the engine's default.
    """

    promoted: bool
    why: str
    generation: int | None = None
    was_generation: int | None = None
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    exports: tuple[str, ...] = ()
    health: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookNote:
    """A hook that ran: ``before`` or ``after``, its exit code (``None``: it was ended), seconds."""

    name: str
    code: int | None
    seconds: float
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night of one target.

    `why` is one sentence about the outcome. `decision` is what was to be done, `reasons` what for.
    `seconds` is where the time went, by part. `generation` is the live one when the night ended.
    """

    target: str
    stamp: str
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    why: str
    decision: str | None = None
    reasons: tuple[str, ...] = ()
    changes: tuple[ChangeNote, ...] = ()
    workload: WorkloadNote | None = None
    canary: CanaryNote | None = None
    dropped: tuple[DroppedNote, ...] = ()
    tuning: TuningNote | None = None
    promotion: PromotionNote | None = None
    hooks: tuple[HookNote, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    generation: int | None = None
    notes: tuple[str, ...] = ()
    hint: str = ""

    @property
    def took_s(self) -> float:
        """How long it was from beginning to end, as the stamps say."""
        return (self.ended_at - self.started_at).total_seconds()

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        data = {name: _plain(value) for name, value in _fields(self).items()}
        return {"schema_version": NIGHT_VERSION, **data}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str) -> Night:
        """The night that `to_json` wrote. Raises `MachineError` that names `source`."""
        if data.get("schema_version") != NIGHT_VERSION:
            raise MachineError(
                f"{source} is no night that this version knows", "use the autotune that wrote it"
            )
        try:
            return _night(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MachineError(
                f"{source} is damaged: {error}", "remove its folder: it is a record, nothing more"
            ) from error


def _fields(night: Night) -> dict[str, Any]:
    return {name: getattr(night, name) for name in Night.__slots__}


def _plain(value: Any) -> Any:
    """What JSON has for a value of a night."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _night(data: Mapping[str, Any]) -> Night:
    return Night(
        target=data["target"],
        stamp=data["stamp"],
        started_at=datetime.fromisoformat(data["started_at"]),
        ended_at=datetime.fromisoformat(data["ended_at"]),
        outcome=Outcome(data["outcome"]),
        why=data["why"],
        decision=data["decision"],
        reasons=tuple(data["reasons"]),
        changes=tuple(ChangeNote(**row) for row in data["changes"]),
        workload=_one(WorkloadNote, data["workload"]),
        canary=_one(CanaryNote, data["canary"]),
        dropped=tuple(DroppedNote(**row) for row in data["dropped"]),
        tuning=_one(TuningNote, data["tuning"]),
        promotion=_promotion(data["promotion"]),
        hooks=tuple(HookNote(**row) for row in data["hooks"]),
        seconds=data["seconds"],
        generation=data["generation"],
        notes=tuple(data["notes"]),
        hint=data["hint"],
    )


def _one(kind: Any, row: Mapping[str, Any] | None) -> Any:
    """The part, its lists tuples again."""
    if row is None:
        return None
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})


def _promotion(row: Mapping[str, Any] | None) -> PromotionNote | None:
    if row is None:
        return None
    pairs = {name: (was, now) for name, (was, now) in row["changed"].items()}
    found: PromotionNote = _one(PromotionNote, {**row, "changed": pairs})
    return found
