"""Every launch of one search, kept so that a search that was killed is taken up where it was.

``launches.jsonl`` has a row for each launch that ended: what was asked, when on the search's own
clock, and how it went. ``turns.jsonl`` has their turns, under arms that no two launches share.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.search.remeasure import aside_name, is_aside
from autotune.study.files import disk_error, write_text_atomic
from autotune.study.turn_log import TurnLog, read_turns
from autotune.trial.measurement import Measurement, TrialSeconds
from autotune.trial.recorded_rows import PACKED, TURNS, packed_or_not

SCHEMA_VERSION = "live-launch/1"
LAUNCHES = "launches.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One launch that ended.

    Attributes:
        number: from 0, in order; its turns are those of arm ``launch-0007``.
        arm, block, settings, plan: what was asked; `plan` is the plan's digest.
        asked_s, ended_s: on the search's own clock.
        turns_s: likewise, when each turn ended.
        stopped_s: likewise, when the search had had enough; ``None`` for a whole replay.
        telemetry: what the machine did meanwhile.
        at: when it had ended, UTC, ISO 8601.
    """

    number: int
    arm: str
    block: int
    settings: Mapping[str, Setting]
    plan: str
    asked_s: float
    turns_s: tuple[float, ...]
    stopped_s: float | None
    ended_s: float
    seconds: TrialSeconds
    whole: bool
    failure: Failure | None = None
    effective: Mapping[str, Setting] = field(default_factory=dict)
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Launch:
        """Back from `to_json`. Raises ``KeyError`` or ``TypeError`` for what it did not write."""
        body = {name: value for name, value in data.items() if name != "schema_version"}
        body["seconds"] = TrialSeconds(**body["seconds"])
        body["turns_s"] = tuple(body["turns_s"])
        if (said := body["failure"]) is not None:
            kind, names = FailureKind(said["kind"]), tuple(said["settings"])
            body["failure"] = Failure(**{**said, "kind": kind, "settings": names})
        return cls(**body)

    def is_of(self, candidate: Candidate, plan: ReplayPlan, arm: str, block: int) -> bool:
        """Whether that was asked."""
        asked = (candidate.key, plan.digest, arm, block)
        return (Candidate(self.settings).key, self.plan, self.arm, self.block) == asked

    def measurement(self, records: tuple[TurnRecord, ...]) -> Measurement:
        """What the search was answered."""
        return Measurement(
            candidate=Candidate(self.settings),
            arm=self.arm,
            block=self.block,
            records=records,
            failure=self.failure,
            seconds=self.seconds,
            whole=self.whole,
            effective=self.effective,
            telemetry=self.telemetry,
        )


def launch_arm(number: int) -> str:
    """How the turns of a launch are called on the disk."""
    return f"launch-{number:04d}"


class LaunchLog:
    """The launches of one search in `folder`, open for appending while the block lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / LAUNCHES

    def __enter__(self) -> LaunchLog:
        self._turns = TurnLog(self.folder / TURNS)
        self.launches = list(read_launches(self.folder))
        self._set_aside_from(len(self.launches))
        self._records: dict[str, list[TurnRecord]] = {}
        for record in read_turns(self.folder / TURNS):
            self._records.setdefault(record.arm, []).append(record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._turns.close()

    def records(self, launch: Launch) -> tuple[TurnRecord, ...]:
        """The turns of a launch of an earlier run, as its search was given them."""
        rows = self._records.get(launch_arm(launch.number), ())
        return tuple(replace(row, arm=launch.arm) for row in rows)

    def take(self, number: int, record: TurnRecord) -> None:
        """A turn of launch `number` has ended."""
        self._turns.append(replace(record, arm=launch_arm(number)))

    def add(self, launch: Launch) -> None:
        """A launch has ended. Raises `MachineError` when the disk refuses."""
        line = json.dumps(launch.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as out:
                out.write(line)
        except OSError as error:
            raise disk_error(self._path, error) from error
        self.launches.append(launch)

    def forget_from(self, number: int) -> None:
        """From launch `number` on the search went another way: those do not count."""
        kept = self._path.read_text(encoding="utf-8").splitlines(keepends=True)[:number]
        write_text_atomic(self._path, "".join(kept))
        del self.launches[number:]
        self._set_aside_from(number)

    def _set_aside_from(self, number: int) -> None:
        """Call turns of launches that do not count something else; they stay on the disk."""
        found = {(r.arm, r.block) for r in read_turns(self.folder / TURNS)}
        arms = {arm for arm, _ in found}
        counted = {launch_arm(n) for n in range(number)}
        for arm, block in sorted(found):
            if arm in counted or is_aside(arm):
                continue
            attempt = 1
            while aside_name(arm, attempt) in arms:
                attempt += 1
            self._turns.set_aside(arm, block, as_arm=aside_name(arm, attempt))


def read_launches(folder: Path) -> Iterator[Launch]:
    """Every whole row of ``launches.jsonl``, in order, up to one that a kill tore."""
    path = folder / LAUNCHES
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    for number, line in enumerate(lines):
        try:
            yield Launch.from_json(json.loads(line))
        except json.JSONDecodeError:
            write_text_atomic(path, "".join(lines[:number]))
            return


def pack(folder: Path) -> None:
    """Compress the turns in `folder`, the same bytes for the same turns; again, nothing happens."""
    path = folder / TURNS
    if path.is_file():
        packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        path.with_name(path.name + PACKED).write_bytes(packed)
        path.unlink()


def kept_turns(folder: Path) -> Iterator[TurnRecord]:
    """Every turn in `folder`, packed or not."""
    yield from read_turns(packed_or_not(folder / TURNS))
