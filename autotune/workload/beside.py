"""One run told several times in one folder: the best of what tells of it is read, the rest is not.

Harbor keeps the agent's own log beside ``agent/trajectory.json``, which it made of that log;
OpenHands leaves its requests (``completions``), its events and Harbor's trajectory of them. The
benchmarks of OpenHands write ``output.jsonl`` and, with ``log_completions``, the requests of every
instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Protocol, TypeVar

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.readers.base import Reader

_AGENT = "agent"
_TRAJECTORY = "trajectory.json"
_COMPLETIONS = "llm_completions"

_RANKS = {"atif": 0, "openhands-completions": 2}
_OWN_LOG = 1
"""What a format is worth in a trial's folder: a conversion, the agent's own log, its requests."""


class _Found(Protocol):
    """A capture and the reader it speaks for."""

    @property
    def file(self) -> CaptureFile: ...

    @property
    def reader(self) -> Reader: ...


_F = TypeVar("_F", bound=_Found)


def best_of_each_run(found: Iterable[_F], ledger: DamageLedger) -> Iterator[_F]:
    """`found` without what tells of a run again that something better tells of.

    What is passed over is counted as a skipped file. `found` must give the contents of a folder one
    after the other.
    """
    for run, members in groupby(found, key=_trial):
        if run is None:
            yield from (one for one in members if not _logged_beside(one, ledger))
        else:
            yield from _best(list(members), ledger)


def _trial(found: _Found) -> Path | None:
    """The folder ``agent`` of the trial that a capture lies in, if it lies in one."""
    path = found.file.path
    for folder in (path, *path.parents):
        if folder.name == _AGENT and (folder / _TRAJECTORY).is_file():
            return folder
    return None


def _best(members: list[_F], ledger: DamageLedger) -> Iterator[_F]:
    best = max(_rank(one) for one in members)
    for one in members:
        if _rank(one) == best:
            yield one
        else:
            better = next(other for other in members if _rank(other) == best)
            detail = f"the same run is read from {better.file.name}"
            ledger.add(one.file.name, DamageKind.SKIPPED_FILE, detail=detail)


def _rank(found: _Found) -> int:
    return _RANKS.get(found.reader.name, _OWN_LOG)


def _logged_beside(found: _Found, ledger: DamageLedger) -> bool:
    """Whether this is the output of a benchmark whose requests were logged beside it."""
    requests = found.file.path.parent / _COMPLETIONS
    if found.reader.name != "openhands" or found.file.path.is_dir() or not _has_calls(requests):
        return False
    detail = f"its requests are read from {_COMPLETIONS}"
    ledger.add(found.file.name, DamageKind.SKIPPED_FILE, detail=detail)
    return True


def _has_calls(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*/*.json"))
