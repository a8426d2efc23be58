"""Finding a study by the name a person gives it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.config.layers import closest
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.study.folder import StudyFolder


def find_study(studies_dir: Path, name: str) -> StudyFolder:
    """The folder of a study, by name or by path. Raises `UserError` when there is none."""
    from autotune.study.folder import StudyFolder, list_studies

    for path in (studies_dir / name, Path(name)):
        if (folder := StudyFolder(path)).exists():
            return folder
    known = [folder.name for folder in list_studies(studies_dir)]
    raise UserError(f"there is no study {name!r} in {studies_dir}", _hint(name, known))


def _hint(name: str, known: Sequence[str]) -> str:
    if not known:
        return "make one with autotune run, or name the directory with --studies-dir"
    near = closest(name, known)
    return f"did you mean {near}?" if near else f"studies here: {', '.join(known[:8])}"
