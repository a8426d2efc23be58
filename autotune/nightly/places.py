"""Where a person wants the exported files: links to the live ones, or copies of them.

A link is made once; from then on every file of the target changes at the same instant. What stood
there before is kept beside it as ``NAME.before-autotune``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from autotune.errors import MachineError, UserError
from autotune.nightly.generations import EXPORTS, Generations
from autotune.nightly.journal import sync_folder
from autotune.nightly.live import live_path
from autotune.study.files import disk_error, write_bytes_atomic

BEFORE = ".before-autotune"
_NEXT = ".autotune-next"


@dataclass(frozen=True, slots=True)
class Place:
    """A file that a person's programs read: the export `name` at `path`.

    Without `link` it is a copy, for programs that do not follow links: it is written right after
    the swap, and again after a crash.
    """

    path: Path
    name: str
    link: bool = True


def export_names(paths: Iterable[Path]) -> tuple[str, ...]:
    """A name for each exported file, in order: its own, with a number where two are alike."""
    taken: list[str] = []
    for path in paths:
        candidates = (path.name if n == 1 else f"{path.stem}-{n}{path.suffix}" for n in count(1))
        taken.append(next(name for name in candidates if name not in taken))
    return tuple(taken)


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one target, by its state folder."""

    state: Path
    places: tuple[Place, ...]

    def check(self, names: Collection[str]) -> None:
        """Raises `UserError` where a place cannot be what it should, given these exports."""
        for place in self.places:
            if place.name not in names:
                raise UserError(
                    f"the generation has no export for {place.path}", "stage it with that export"
                )
            if place.path.is_dir() and not place.path.is_symlink():
                raise UserError(f"{place.path} is a folder, not a file", "give another path for it")
            _check_folder(place.path)

    def put(self) -> tuple[Path, ...]:
        """Makes every place show the live generation; the paths that were not so before.

        Raises `MachineError` when the disk refuses. May be done again at any time.
        """
        return tuple(place.path for place in self.places if self._put(place))

    def take_away(self) -> None:
        """Gives back what stood there before the first promotion, or nothing."""
        for place in self.places:
            with _refusals(place.path):
                self._take_away(place)

    def astray(self) -> tuple[Path, ...]:
        """The places that do not show the live generation."""
        return tuple(place.path for place in self.places if not self._shows(place))

    def _target(self, place: Place) -> Path:
        return live_path(self.state).absolute() / EXPORTS / place.name

    def _shows(self, place: Place) -> bool:
        target = self._target(place)
        if place.link:
            return place.path.is_symlink() and place.path.readlink() == target
        return not place.path.is_symlink() and _content(place.path) == _content(target)

    def _put(self, place: Place) -> bool:
        if self._shows(place):
            return False
        with _refusals(place.path):
            place.path.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(place.path) and not self._is_ours(place):
                _keep(place.path)
            self._write(place)
        return True

    def _write(self, place: Place) -> None:
        target = self._target(place)
        if place.link:
            following = place.path.with_name(f".{place.path.name}{_NEXT}")
            following.unlink(missing_ok=True)
            following.symlink_to(target)
            following.replace(place.path)
            sync_folder(place.path.parent)
            return
        mode = target.stat().st_mode & 0o777
        write_bytes_atomic(place.path, target.read_bytes(), mode=mode)

    def _is_ours(self, place: Place) -> bool:
        """Whether what stands there was made here, so that it need not be kept."""
        path = place.path
        if path.is_symlink():
            return live_path(self.state).absolute() in path.readlink().parents
        data = None if place.link else _content(path)
        return data is not None and Generations(self.state).wrote(place.name, data)

    def _take_away(self, place: Place) -> None:
        if not os.path.lexists(place.path) or not self._is_ours(place):
            return
        kept = next(_kept(place.path), None)
        if kept is None:
            place.path.unlink()
        else:
            kept.replace(place.path)
        sync_folder(place.path.parent)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """What the disk refuses, as a `MachineError` that names the path."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error


def _check_folder(path: Path) -> None:
    """Whether a file can be made there, in a folder that may have to be made first."""
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(
            f"{path} cannot be written: {nearest} is not a folder that you may write to",
            "give another path for it, or mend its permissions",
        )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _names(path: Path) -> Iterator[Path]:
    """``NAME.before-autotune``, and with numbers where that is taken by something else."""
    for n in count(1):
        yield path.with_name(f"{path.name}{BEFORE}" + (f"-{n}" if n > 1 else ""))


def _kept(path: Path) -> Iterator[Path]:
    """What was kept of `path`, the newest first."""
    found = []
    for name in _names(path):
        if not os.path.lexists(name):
            break
        found.append(name)
    return iter(found[::-1])


def _keep(path: Path) -> None:
    """A second name for what stands at `path`; nothing more when it has one already."""
    if any(_same(path, kept) for kept in _kept(path)):
        return
    free = next(name for name in _names(path) if not os.path.lexists(name))
    if path.is_symlink():
        free.symlink_to(path.readlink())
    else:
        _second_name(path, free)
    sync_folder(path.parent)


def _same(path: Path, kept: Path) -> bool:
    if path.is_symlink() or kept.is_symlink():
        links = path.is_symlink() and kept.is_symlink()
        return links and path.readlink() == kept.readlink()
    return _content(path) == _content(kept)


def _second_name(path: Path, free: Path) -> None:
    """A hard link where the disk has them; else a copy."""
    try:
        free.hardlink_to(path)
    except PermissionError as error:
        raise MachineError(
            f"cannot write {free}: {error.strerror}", "check the folder's permissions"
        ) from error
    except OSError:
        half = free.with_name(f".{free.name}{_NEXT}")
        shutil.copy2(path, half)
        half.replace(free)
