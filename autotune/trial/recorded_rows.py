"""What a recording keeps of each launch: a row in ``trials.jsonl``, its turns in ``turns.jsonl``.

A recording is a folder of measurements that others can be answered from, without an engine. A row
is appended once its launch has ended, so that a launch which was killed has turns and no row.
Both files may be packed (``.gz``).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from autotune.candidate import Setting
from autotune.errors import MachineError
from autotune.records import TurnRecord
from autotune.study.turn_log import read_turns
from autotune.trial.measurement import Measurement, TrialSeconds
from autotune.trial.recorded import RecordedTrial

SCHEMA_VERSION = "recorded-launch/1"
TRIALS, TURNS = "trials.jsonl", "turns.jsonl"
PACKED = ".gz"

ANCHOR = "anchor"
"""The label of a launch that only asks whether the machine is still the one it was."""

TurnKey = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRow:
    """One launch of one configuration, over one rung's turns.

    Attributes:
        number: which trial it belongs to; launches of one trial share their settings.
        arm: its turns' in the turn log.
        rung: what was replayed: the whole plan, or a part of it.
        label: ``default``, `ANCHOR`, ``again: trial-0007 after drift``, else empty.
        at: when it had ended, UTC, ISO 8601.
        other_cores: processors' worth of work of others while it ran; ``None`` if not watched.
    """

    number: int
    arm: str
    rung: str
    settings: Mapping[str, Setting]
    label: str = ""
    seconds: TrialSeconds = field(default_factory=TrialSeconds)
    effective: Mapping[str, Setting] = field(default_factory=dict)
    failure: str | None = None
    reason: str | None = None
    at: str = ""
    other_cores: float | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version; what is absent is left out."""
        data = {**asdict(self), "seconds": _rounded(asdict(self.seconds))}
        return {"schema_version": SCHEMA_VERSION, **{k: v for k, v in data.items() if v != {}}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LaunchRow:
        """Back from `to_json`. Raises ``KeyError`` or ``TypeError`` for what it did not write."""
        if data["schema_version"] != SCHEMA_VERSION:
            raise KeyError(data["schema_version"])
        body = {name: value for name, value in data.items() if name != "schema_version"}
        return cls(**{**body, "seconds": TrialSeconds(**body.get("seconds", {}))})

    @classmethod
    def of(cls, found: Measurement, *, number: int, rung: str, label: str, at: str) -> LaunchRow:
        """The row of a measurement."""
        return cls(
            number=number,
            arm=found.arm,
            rung=rung,
            label=label,
            settings=dict(found.candidate.settings),
            seconds=found.seconds,
            effective=dict(found.effective),
            failure=None if found.failure is None else found.failure.kind.value,
            reason=None if found.failure is None else found.failure.message,
            at=at,
            other_cores=others(found.records),
        )


def others(records: Iterable[TurnRecord]) -> float | None:
    """Processors' worth of work that was not ours, on average over the turns that were watched."""
    machines = [r.machine for r in records if r.machine is not None]
    told = [m.other_cores for m in machines if m.other_cores is not None]
    return round(sum(told) / len(told), 3) if told else None


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """To a tenth of a millisecond; parts that took none are left out."""
    return {name: round(value, 4) for name, value in seconds.items() if value}


def read_rows(folder: Path) -> list[LaunchRow]:
    """Every whole row of ``trials.jsonl``, in order; none where there is no such file.

    A line that a kill tore is passed over. Raises `MachineError` for one of another kind.
    """
    path = packed_or_not(folder / TRIALS)
    return [row for line in _lines(path) if (row := _row(line, path)) is not None]


def _row(line: str, path: Path) -> LaunchRow | None:
    try:
        data = json.loads(line)
    except json.JSONDecodeError:
        return None
    try:
        return LaunchRow.from_json(data)
    except (KeyError, TypeError) as error:
        raise MachineError(
            f"{path} holds a row that this version does not know: {error}",
            "read it with the version of autotune that wrote it",
        ) from None


def read_recorded_turns(folder: Path) -> Iterator[TurnRecord]:
    """Every whole record of ``turns.jsonl``, packed or not, in order."""
    yield from read_turns(packed_or_not(folder / TURNS))


def packed_or_not(path: Path) -> Path:
    """`path` where it is there, else its packed form."""
    return path if path.is_file() else path.with_name(path.name + PACKED)


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        with opened(path) as lines:
            yield from lines


def opened(path: Path) -> IO[str]:
    """A text file for reading, unpacked if its name says so."""
    if path.suffix == PACKED:
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def recorded_trials(
    rows: Iterable[LaunchRow],
    records: Iterable[TurnRecord],
    asked: Mapping[str, tuple[TurnKey, ...]] | None = None,
) -> list[RecordedTrial]:
    """Each launch with its turns, in order of the rows.

    `asked` gives the turns of each rung, for launches that failed before they had all of them.
    Where turns of an arm are there twice, a kill tore the first ones off: the later ones stand.
    """
    by_arm: dict[str, dict[int, TurnRecord]] = {}
    for record in records:
        by_arm.setdefault(record.arm, {})[record.order] = record
    return [_trial(row, by_arm.get(row.arm, {}), (asked or {}).get(row.rung)) for row in rows]


def _trial(
    row: LaunchRow, turns: Mapping[int, TurnRecord], asked: tuple[TurnKey, ...] | None
) -> RecordedTrial:
    return RecordedTrial(
        settings=row.settings,
        records=tuple(turns[order] for order in sorted(turns)),
        failure=row.failure,
        reason=row.reason,
        seconds=row.seconds,
        effective=row.effective,
        asked=asked,
        name=row.arm,
    )
