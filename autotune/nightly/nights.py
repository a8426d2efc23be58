"""The nights of a target on disk: a folder each, with what programs read and what people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autotune.errors import UserError
from autotune.nightly.night_record import Night
from autotune.nightly.summary import night_markdown
from autotune.study.files import read_json, write_json, write_text_atomic

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")
LAST = "last"


def stamp_of(moment: datetime) -> str:
    """``2026-11-23T02-30-11Z``: a night's name, in UTC, that sorts by time and is a file's name."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


@dataclass(frozen=True, slots=True)
class Nights:
    """``<state>/nights/<stamp>/``: ``night.json`` and ``night.md``. `folder` is ``nights``."""

    folder: Path

    @classmethod
    def of(cls, state: Path) -> Nights:
        """Those of a target, by its state folder."""
        return cls(state / "nights")

    def path(self, stamp: str) -> Path:
        """The folder of a night."""
        return self.folder / stamp

    def write(self, night: Night) -> Path:
        """Keeps a night; the Markdown's path. Raises `MachineError` when the disk refuses."""
        folder = self.path(night.stamp)
        page = folder / "night.md"
        write_text_atomic(page, night_markdown(night))
        write_json(folder / "night.json", night.to_json())
        return page

    def stamps(self) -> tuple[str, ...]:
        """The nights that were kept whole, the oldest first."""
        if not self.folder.is_dir():
            return ()
        return tuple(
            sorted(
                path.name
                for path in self.folder.iterdir()
                if STAMP.fullmatch(path.name) and (path / "night.json").is_file()
            )
        )

    def read(self, stamp: str) -> Night:
        """One night. Raises `UserError` where it is not, `MachineError` where it is damaged."""
        path = self.path(stamp) / "night.json"
        data = read_json(path)
        if data is None:
            raise UserError(f"there is no night {stamp}", "autotune nightly log lists them")
        return Night.from_json(data, str(path))

    def newest_first(self) -> Iterator[Night]:
        """Every night, the last one first."""
        return (self.read(stamp) for stamp in reversed(self.stamps()))

    def last(self) -> Night | None:
        """The last night; ``None`` before the first."""
        return next(self.newest_first(), None)

    def find(self, asked: str) -> str:
        """The stamp that begins with `asked`, or that of the last night.

        Raises `UserError` when there is none, or more than one.
        """
        stamps = self.stamps()
        found = stamps[-1:] if asked == LAST else [s for s in stamps if s.startswith(asked)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(f"{asked} are {len(found)} nights", f"one of: {', '.join(found[:6])}")
        recent = f"the last ones: {', '.join(stamps[-3:])}" if stamps else "none was kept yet"
        raise UserError(f"there is no night {asked}", recent)
