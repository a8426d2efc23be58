"""The capture files that nights replayed, as many as something still asks for.

A night writes the sessions that it replays into a file of its own, so that what is added to the
captures meanwhile changes nothing. A workload that changes every week would leave fifty of them a
year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.grown_workload import SUFFIX, Grown
from autotune.nightly.settled import read_settled
from autotune.study.folder import StudyFolder

FOLDER = "sessions"
"""In a target's state."""


def unneeded(state: Path, studies: Iterable[StudyFolder]) -> tuple[Path, ...]:
    """The files that no study of `studies` was measured on, and the next night will not replay.

    None where that cannot be told: a file that is missed cannot be written again once its captures
    are gone.
    """
    try:
        needed = {*_replayed_next(state), *_measured_on(studies)}
    except MachineError:
        return ()
    return tuple(p for p in sorted((state / FOLDER).glob(f"*{SUFFIX}")) if p.name not in needed)


def _replayed_next(state: Path) -> Iterator[str]:
    settled = read_settled(state)
    if settled is not None:
        yield Grown(sessions=settled.sessions).file_name


def _measured_on(studies: Iterable[StudyFolder]) -> Iterator[str]:
    """By their provenance; a study that had not begun to measure has none yet."""
    for study in studies:
        if study.exists():
            yield Path(str(study.read_provenance().get("workload"))).name
