"""Which studies are shown: those that were named, or all of a directory as they come and go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import AutotuneError
from autotune.study.folder import StudyFolder, list_studies


@dataclass(frozen=True, slots=True)
class Found:
    """One study to show. `contest` is the folder of the contest that it is a side of."""

    folder: StudyFolder
    name: str
    contest: StudyFolder | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """`named` studies, or where none are named all below `studies_dir`."""

    studies_dir: Path
    named: Sequence[StudyFolder] = ()

    def found(self) -> list[Found]:
        """Each study once; a contest is the studies of its engines."""
        rows: dict[Path, Found] = {}
        for folder in self.named or list_studies(self.studies_dir):
            for one in _sides(folder):
                rows.setdefault(one.folder.path.resolve(), one)
        return list(rows.values())


def _sides(folder: StudyFolder) -> Iterator[Found]:
    try:
        sides = folder.engine_studies()
    except AutotuneError:
        # Being written, or damaged: it is shown with what went wrong.
        sides = []
    if not sides:
        yield Found(folder, folder.name)
    for side in sides:
        if side.exists():
            yield Found(side, f"{folder.name}/{side.name}", folder)
