"""From folders to a page: what a folder holds is told by its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autotune.errors import UserError
from autotune.report.page.gather import StudyData, gather
from autotune.report.page.model import Page
from autotune.study.files import read_json
from autotune.study.folder import StudyFolder

STUDY, COMPARE, PATHS = "study", "compare", "paths"
_FILES = {"provenance.json": STUDY, "compare.json": COMPARE, "table.json": PATHS}


def kind_of(folder: Path) -> str | None:
    """What `folder` holds: a study, a comparison, serving paths, or nothing that is known."""
    return next((kind for name, kind in _FILES.items() if (folder / name).is_file()), None)


def read_page(folders: Sequence[Path], base: Path | None = None) -> Page:
    """The page of one folder, or of several studies side by side.

    Links start from `base`, the folder itself where that is not given. Raises `UserError` for a
    folder that holds nothing to report, and for several that cannot stand side by side.
    """
    if len(folders) > 1:
        from autotune.report.page.across_page import across_page

        return across_page([_study(folder, base) for folder in folders])
    folder = folders[0]
    kind = kind_of(folder)
    if kind == STUDY:
        return _study_page(folder, base)
    if kind == COMPARE:
        return _compare_page(folder)
    if kind == PATHS:
        return _paths_page(folder)
    raise UserError(f"{folder} holds nothing to report", _inside(folder))


def _inside(folder: Path) -> str:
    below = sorted(path.name for path in folder.iterdir() if path.is_dir() and kind_of(path))
    if below:
        return f"name one in it: {', '.join(str(folder / name) for name in below[:4])}"
    return "name the folder of a study, of autotune compare or of autotune replay"


def _study(folder: Path, base: Path | None) -> StudyData:
    if kind_of(folder) != STUDY:
        raise UserError(
            f"{folder} is no study, and only studies stand side by side",
            "report it by itself, or name studies of autotune run",
        )
    return gather(StudyFolder(folder), base)


def _study_page(folder: Path, base: Path | None) -> Page:
    data = gather(StudyFolder(folder), base)
    if engines := data.folder.engine_studies():
        from autotune.report.page.contest_page import contest_page

        return contest_page(data, [gather(one, base or folder) for one in engines])
    from autotune.report.page.study_page import study_page

    return study_page(data)


def _compare_page(folder: Path) -> Page:
    from autotune.compare.folder import read_document
    from autotune.report.page.cache_section import cache_section
    from autotune.report.page.compare_page import compare_page
    from autotune.report.page.palette import arm_role

    document = read_document(StudyFolder(folder)) or {}
    effect = read_json(folder / "cache-effect.json")
    if effect is None:
        return compare_page(folder, document)
    roles = {arm["name"]: arm_role(at) for at, arm in enumerate(document["arms"])}
    alone = not (folder / "turns.jsonl").is_file()
    return compare_page(folder, document, [cache_section(effect, roles, turns=alone)])


def _paths_page(folder: Path) -> Page:
    from autotune.paths.folder import PathsFolder
    from autotune.paths.table import read_table
    from autotune.report.page.paths_page import paths_page

    return paths_page(folder, read_table(PathsFolder(folder)))
