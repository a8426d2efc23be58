"""Which generation is in use: a symbolic link, swapped by one rename."""

from __future__ import annotations

import os
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.journal import sync_folder
from autotune.study.files import disk_error

LIVE = "live"
_NEXT = ".live-next"


def live_path(state: Path) -> Path:
    """The link; below it are the files in use, whatever generation that is."""
    return state / LIVE


def live_number(state: Path) -> int | None:
    """The generation in use; ``None`` when none is.

    Raises `MachineError` for a link that does not lead to a generation.
    """
    path = live_path(state)
    if not os.path.lexists(path):
        return None
    name = path.readlink().name if path.is_symlink() else ""
    if not name.isdecimal():
        raise MachineError(
            f"{path} is no link to a generation",
            "remove it, and run autotune nightly rollback --to NUMBER",
        )
    return int(name)


def point_live(state: Path, number: int) -> None:
    """Makes `number` the one in use: all its files at one instant.

    Raises `MachineError` when the disk refuses; what was live is then live still.
    """
    following = state / _NEXT
    try:
        following.unlink(missing_ok=True)
        following.symlink_to(Path("generations") / f"{number:04d}")
        following.replace(live_path(state))
        sync_folder(state)
    except OSError as error:
        raise disk_error(live_path(state), error) from error


def clear_live(state: Path) -> None:
    """Takes the first generation out of use again. Raises `MachineError` like `point_live`."""
    try:
        live_path(state).unlink(missing_ok=True)
        sync_folder(state)
    except OSError as error:
        raise disk_error(live_path(state), error) from error


def clear_leftovers(state: Path) -> None:
    """Removes the link that a killed process was about to rename."""
    try:
        (state / _NEXT).unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(state / _NEXT, error) from error
