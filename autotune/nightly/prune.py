"""What nights leave on disk, kept within bounds: studies, records, logs.

Only folders that a night made are touched: studies by the name that a night gives them, records by
their stamp. What the live config stands on is never among them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError, UserError
from autotune.nightly.nights import STAMP, Nights
from autotune.study.folder import StudyFolder
from autotune.study.lock import study_lock

NIGHTLY = "nightly"
SCHEDULE_LOG = "schedule.log"
MIB = 1024 * 1024

MODELS = "-models"
"""Ends the name of a comparison of two models that a night made beside its study."""

_LEAVING = ".pruned-"
"""Begins the name of a folder that is being removed: what is left of one is removed next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRule:
    """How much of a target's past is kept: the newest studies and records, and bytes of logs."""

    studies: int
    nights: int
    log_bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed (or would be), and how many bytes that was."""

    studies: tuple[str, ...] = ()
    nights: tuple[str, ...] = ()
    logs: int = 0
    freed_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.studies or self.nights or self.logs or self.freed_bytes)


def nightly_folder(studies_dir: Path) -> Path:
    """Where the state of all targets is."""
    return studies_dir / NIGHTLY


def state_folder(studies_dir: Path, target: str) -> Path:
    """Where the state of one target is."""
    return nightly_folder(studies_dir) / target


def schedule_log(studies_dir: Path) -> Path:
    """Where cron and launchd leave what a night prints."""
    return nightly_folder(studies_dir) / SCHEDULE_LOG


def study_name(target: str, stamp: str) -> str:
    """The name of the study of one night; only studies of such a name are ever pruned."""
    return f"{NIGHTLY}-{target}-{stamp}"


def prune(
    studies_dir: Path,
    target: str,
    rule: PruneRule,
    keep: Set[str],
    *,
    dry_run: bool = False,
) -> Pruned:
    """Removes what is beyond `rule` of a target's past, the oldest first.

    `keep` are names of studies that stay whatever the rule says: that of the live generation and
    of the one before it. The nights that made them stay too, and so do their logs; studies that
    another process tunes are left alone. Raises `MachineError` when the disk refuses.
    """
    studies = nightly_studies(studies_dir, target)
    old = [study for study in _beyond(studies, rule.studies) if study.name not in keep]
    gone = {s.name: size for s in old if (size := _remove_study(s, dry_run)) is not None}
    nights = Nights.of(state_folder(studies_dir, target))
    past = {stamp: remove(nights.path(stamp), dry_run) for stamp in _old(nights, rule, keep)}
    left = [s for s in studies if s.name not in gone.keys() | keep and not _tuned_now(s)]
    logs = [remove(path, dry_run) for path in _oldest_beyond(_logs(left), rule.log_bytes)]
    for path in _alone(studies_dir, target, {s.name for s in studies} - gone.keys()):
        gone[path.name] = remove(path, dry_run)
    if not dry_run:
        _clear_leftovers(studies_dir)
    freed_bytes = sum((*gone.values(), *past.values(), *logs))
    return Pruned(tuple(gone), tuple(past), len(logs), freed_bytes)


def prune_schedule_log(studies_dir: Path, most_bytes: int, *, dry_run: bool = False) -> int:
    """Cuts the oldest lines off what cron or launchd collected; how many bytes that was.

    The file is written in place: the night that prunes has it open, and appends to it.
    """
    path = schedule_log(studies_dir)
    if not path.is_file() or (size := path.stat().st_size) <= most_bytes:
        return 0
    try:
        with path.open("r+b") as handle:
            handle.seek(size - most_bytes - 1)
            rest = handle.read().partition(b"\n")[2]
            if not dry_run:
                handle.seek(0)
                handle.write(rest)
                handle.truncate()
    except OSError as error:
        raise _refused(path, error) from error
    return size - len(rest)


def nightly_studies(studies_dir: Path, target: str) -> list[StudyFolder]:
    """The studies that nights of `target` made, the oldest first."""
    return [StudyFolder(path) for path in _named(studies_dir, target)]


def _named(studies_dir: Path, target: str, ending: str = "") -> list[Path]:
    """The folders that have a name that nights of `target` give, the oldest first."""
    if not studies_dir.is_dir():
        return []
    name = re.compile(re.escape(f"{NIGHTLY}-{target}-") + STAMP.pattern + re.escape(ending))
    found = (path for path in studies_dir.iterdir() if name.fullmatch(path.name) and path.is_dir())
    return sorted(found, key=lambda path: path.name)


def _alone(studies_dir: Path, target: str, studies: Set[str]) -> list[Path]:
    """Comparisons whose study is none of `studies`."""
    found = _named(studies_dir, target, MODELS)
    return [path for path in found if path.name.removesuffix(MODELS) not in studies]


def _beyond(studies: list[StudyFolder], count: int) -> list[StudyFolder]:
    """All but the newest `count`."""
    return studies[: max(0, len(studies) - count)]


def _old(nights: Nights, rule: PruneRule, keep: Set[str]) -> Iterator[str]:
    """The nights beyond the rule, less those whose study stays."""
    stamps = nights.stamps()
    for stamp in stamps[: max(0, len(stamps) - rule.nights)]:
        if not any(name.endswith(f"-{stamp}") for name in keep):
            yield stamp


def _logs(studies: Iterable[StudyFolder]) -> list[Path]:
    """What engines wrote, a file a launch."""
    return [path for study in studies for path in study.logs.glob("*.log") if path.is_file()]


def _oldest_beyond(paths: Iterable[Path], most_bytes: int) -> Iterator[Path]:
    """The oldest files, as many as must go for the rest to have no more than `most_bytes`."""
    by_age = sorted((path.stat().st_mtime, str(path), path.stat().st_size) for path in paths)
    over = sum(size for _, _, size in by_age) - most_bytes
    for _, name, size in by_age:
        if over <= 0:
            return
        over -= size
        yield Path(name)


def _tuned_now(study: StudyFolder) -> bool:
    """Whether a process holds the study's lock."""
    if not study.lock_path.exists():
        return False
    try:
        with study_lock(study.lock_path):
            return False
    except UserError:
        return True


def _remove_study(study: StudyFolder, dry_run: bool) -> int | None:
    """How many bytes went with it; ``None`` for one that is being tuned, which stays."""
    try:
        with study_lock(study.lock_path):
            return remove(study.path, dry_run)
    except UserError:
        return None


def remove(path: Path, dry_run: bool) -> int:
    """Removes a file or a folder and tells its bytes; a folder is renamed first, so that one that
    is half removed is never taken for a whole one.
    """
    try:
        size = _size(path)
        if dry_run:
            return size
        if path.is_dir():
            leaving = path.with_name(f"{_LEAVING}{path.name}")
            path.rename(leaving)
            shutil.rmtree(leaving)
        else:
            path.unlink()
    except OSError as error:
        raise _refused(path, error) from error
    return size


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return sum(file.lstat().st_size for file in files)


def _clear_leftovers(studies_dir: Path) -> None:
    """What an earlier prune was killed over."""
    for path in (
        *studies_dir.glob(f"{_LEAVING}{NIGHTLY}-*"),
        *nightly_folder(studies_dir).glob(f"*/nights/{_LEAVING}*"),
    ):
        shutil.rmtree(path, ignore_errors=True)


def _refused(path: Path, error: OSError) -> MachineError:
    return MachineError(f"cannot remove {path}: {error.strerror}", "check the folder's permissions")
