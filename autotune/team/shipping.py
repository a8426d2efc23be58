"""What a worker measured, stored among the artefacts as each trial ends, and read back."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.errors import AutotuneError, MachineError
from autotune.records import TurnRecord
from autotune.search.events import (
    AnchorMeasured,
    ConfirmBlock,
    Event,
    HoldFinished,
    Listener,
    TrialFinished,
)
from autotune.study.files import disk_error
from autotune.study.folder import StudyFolder
from autotune.study.turn_log import read_turns
from autotune.team.artefact_names import safe_part
from autotune.team.artefacts import Artefacts

if TYPE_CHECKING:
    from optuna import Study

TURNS, LOGS, FILES = "turns", "logs", "files"
"""The first part of a name: turn records, engine logs, and what a study's folder holds besides."""

_PAUSES = (TrialFinished, ConfirmBlock, AnchorMeasured, HoldFinished)
"""Events at which no engine runs, so that everything in the turn log and the logs is whole."""

_SUFFIX = ".jsonl.gz"


@dataclass(slots=True)
class Shipper:
    """A listener that stores a worker's turn records and engine logs as they become whole.

    One artefact an arm: ``turns/WORKER/trial-0012.jsonl.gz``; of a worker that is lost, what is
    lost is the trial that it had under way. A store that is away does not end the search: what
    could not be stored is tried again at the next event, and by `finish`, which raises.
    Events are passed on to `then` first. `problem` is the last fault, until storing works again.
    """

    artefacts: Artefacts
    study: Study
    folder: StudyFolder
    worker: str
    then: Listener
    problem: AutotuneError | None = None
    _stored: dict[str, object] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def __call__(self, event: Event) -> None:
        """Pass `event` on, and store what it made whole. Never raises."""
        self.then(event)
        if isinstance(event, _PAUSES):
            self.problem = self._trouble()

    def _trouble(self) -> AutotuneError | None:
        """Store what is new; what kept it from being stored."""
        from optuna.exceptions import StorageInternalError

        try:
            self.ship()
        except AutotuneError as error:
            return error
        except StorageInternalError:
            return MachineError(
                "the study's storage does not answer, so that artefacts cannot be named in it",
                "start it again: they are stored with the next trial",
            )
        return None

    def finish(self) -> None:
        """Store what is left, with the study's own small files. Raises what `put` raises."""
        self.ship()
        for path in _own_files(self.folder):
            name = "/".join(map(safe_part, path.relative_to(self.folder.path).parts))
            self._put(path, f"{FILES}/{safe_part(self.worker)}/{name}")

    def ship(self) -> None:
        """Store the turn records and logs that are new or other than before. Raises `put`'s."""
        try:
            self._ship()
        except OSError as error:
            raise disk_error(self.folder.path, error) from error

    def _ship(self) -> None:
        arms = _arms(self.folder.turns_path)
        # Records that were all set aside are no longer this arm's.
        self._seen.update(arms)
        for arm in sorted(self._seen):
            name, lines = turns_name(self.worker, arm), arms.get(arm, [])
            if self._stored.get(name) != (mark := hash(tuple(lines))):
                self._put_lines(lines, name)
                self._stored[name] = mark
        for path in sorted(self.folder.logs.glob("*")):
            if path.is_file():
                self._put(path, f"{LOGS}/{safe_part(self.worker)}/{safe_part(path.name)}")

    def _put(self, path: Path, name: str) -> None:
        """Store a file, unless it is as it was when it was stored."""
        now = path.stat()
        mark = (now.st_size, now.st_mtime_ns)
        if self._stored.get(name) != mark:
            self.artefacts.put(self.study, path, name)
            self._stored[name] = mark

    def _put_lines(self, lines: list[bytes], name: str) -> None:
        with tempfile.TemporaryDirectory(prefix="autotune-") as folder:
            path = Path(folder) / "turns.jsonl.gz"
            # Without a time in its header the same records are the same bytes.
            path.write_bytes(gzip.compress(b"".join(lines), mtime=0))
            self.artefacts.put(self.study, path, name)


def turns_name(worker: str, arm: str) -> str:
    """The artefact that holds the turn records of `arm` as `worker` measured them."""
    return f"{TURNS}/{safe_part(worker)}/{safe_part(arm)}{_SUFFIX}"


def shipped_turns(artefacts: Artefacts, study: Study, worker: str = "") -> Iterator[TurnRecord]:
    """Every stored turn record, by worker and arm; of one `worker` where it is named.

    Raises `MachineError` for an artefact that is gone or is not what was stored.
    """
    start = f"{TURNS}/{safe_part(worker)}/" if worker else f"{TURNS}/"
    names = [n for n in artefacts.names(study) if n.startswith(start) and n.endswith(_SUFFIX)]
    with tempfile.TemporaryDirectory(prefix="autotune-") as folder:
        for name in names:
            path = Path(folder) / "turns.jsonl.gz"
            artefacts.get(name, path)
            yield from read_turns(path)


def _arms(path: Path) -> dict[str, list[bytes]]:
    """The lines of a turn log by arm, in order; a torn last line belongs to none."""
    arms: dict[str, list[bytes]] = {}
    if not path.is_file():
        return arms
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            arm = json.loads(line)["arm"]
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            continue
        arms.setdefault(str(arm), []).append(line)
    return arms


def _own_files(folder: StudyFolder) -> list[Path]:
    """The report, the exports and the small documents; neither the database nor the turn log."""
    documents = [*folder.path.glob("*.json"), *folder.path.glob("report.*")]
    return sorted(p for p in (*documents, *folder.exports.glob("*")) if p.is_file())
