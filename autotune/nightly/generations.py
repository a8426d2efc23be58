"""Every config that was ever staged for a target, each whole in a folder of its own.

::

    generations/0007/generation.json   number, study, parent, when and why, digests of the files
                     config.json       the config, as ``autotune export --format json`` writes it
                     exports/<name>    one file for each export of the target
                     fingerprint.json  what it was tuned on
                     gain.json         what it was worth when it won
                     reference.json    what a canary is compared with; may be measured later

A folder is written under another name, put on the disk, and renamed: it is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from autotune.errors import MachineError, UserError
from autotune.export.formats import FORMATS, render
from autotune.export.json_config import read_config, render_json
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.nightly.journal import sync_folder, utc_now
from autotune.nightly.live import live_number
from autotune.study.files import disk_error, read_json, write_bytes_atomic, write_json

GENERATION_VERSION = "generation/1"
EXPORTS = "exports"

_ABOUT, _CONFIG = "generation.json", "config.json"
_FINGERPRINT, _GAIN, _REFERENCE = "fingerprint.json", "gain.json", "reference.json"
_NUMBER = re.compile(r"\d{4,}")
_STAGING, _LEAVING = ".staging-", ".leaving-"


@dataclass(frozen=True, slots=True)
class Rendered:
    """The content of an exported file, and its permissions."""

    data: bytes
    mode: int = 0o644


def rendered(config: ExportConfig, format_name: str, options: ExportOptions) -> Rendered:
    """A config in one of the formats of ``autotune export``. Raises `UserError` like `render`."""
    return Rendered(render(config, format_name, options).encode(), FORMATS[format_name].mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to become a generation. `exports` are by file name, without folders.

    `fingerprint`, `gain` and `reference` are JSON objects of whoever made them.
    """

    config: ExportConfig
    exports: Mapping[str, Rendered]
    study: str
    why: str
    fingerprint: Mapping[str, Any]
    gain: Mapping[str, Any] | None = None
    reference: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation on disk. `parent` is the one that was live when it was staged.

    `digests` are SHA-256 of its files, by path in the folder; the reference is not among them.
    """

    number: int
    folder: Path
    created_at: datetime
    study: str
    why: str
    parent: int | None
    digests: Mapping[str, str]

    @property
    def exports(self) -> Path:
        """The folder of the exported files."""
        return self.folder / EXPORTS

    @property
    def export_names(self) -> tuple[str, ...]:
        """The exported files."""
        names = (Path(name) for name in self.digests)
        return tuple(sorted(path.name for path in names if path.parent.name == EXPORTS))

    @property
    def config_path(self) -> Path:
        """The config as JSON: what ``--incumbent`` takes."""
        return self.folder / _CONFIG

    def config(self) -> ExportConfig:
        """The config. Raises `UserError` where its file was changed by hand into something else."""
        return read_config(self.config_path)

    def fingerprint(self) -> dict[str, Any] | None:
        """What it was tuned on."""
        return read_json(self.folder / _FINGERPRINT)

    def gain(self) -> dict[str, Any] | None:
        """What it was worth when it won; ``None`` where nobody said."""
        return read_json(self.folder / _GAIN)

    def reference(self) -> dict[str, Any] | None:
        """What a canary is compared with; ``None`` until it was measured."""
        return read_json(self.folder / _REFERENCE)

    def damage(self) -> tuple[str, ...]:
        """What is missing or not as it was written; empty when it is whole."""
        found = {name: _digest_of(self.folder / name) for name in self.digests}
        missing = [f"{name} is missing" for name, digest in found.items() if digest is None]
        changed = [n for n, digest in found.items() if digest not in (None, self.digests[n])]
        return (*missing, *(f"{name} was changed" for name in changed))


@dataclass(frozen=True, slots=True)
class Generations:
    """Those of one target, by its state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.state / "generations"

    def path(self, number: int) -> Path:
        """The folder of one."""
        return self.folder / f"{number:04d}"

    def stage(self, draft: Draft) -> Generation:
        """Writes it whole, under the next number; nothing is live yet.

        Raises `MachineError` when the disk refuses.
        """
        number = max(self.numbers(), default=0) + 1
        temporary = self.folder / f"{_STAGING}{number:04d}"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            self._write(draft, number, temporary)
            temporary.rename(self.path(number))
            sync_folder(self.folder)
        except OSError as error:
            raise disk_error(temporary, error) from error
        return self.read(number)

    def _write(self, draft: Draft, number: int, folder: Path) -> None:
        files = _files(draft)
        for name, file in files.items():
            write_bytes_atomic(folder / name, file.data, mode=file.mode)
        about = {
            "schema_version": GENERATION_VERSION,
            "number": number,
            "created_at": utc_now().isoformat(timespec="seconds"),
            "study": draft.study,
            "why": draft.why,
            "parent": live_number(self.state),
            "digests": {n: _digest(f.data) for n, f in files.items() if n != _REFERENCE},
        }
        write_json(folder / _ABOUT, about)
        sync_folder(folder)

    def numbers(self) -> tuple[int, ...]:
        """The generations that are whole on the disk, the oldest first."""
        if not self.folder.is_dir():
            return ()
        names = (path.name for path in self.folder.iterdir())
        return tuple(sorted(int(name) for name in names if _NUMBER.fullmatch(name)))

    def read(self, number: int) -> Generation:
        """One of them. Raises `UserError` where it is not there, `MachineError` where damaged."""
        folder = self.path(number)
        data = read_json(folder / _ABOUT)
        if data is None:
            known = ", ".join(map(str, self.numbers())) or "none"
            raise UserError(f"there is no generation {number}", f"there are: {known}")
        if data.get("schema_version") != GENERATION_VERSION:
            raise MachineError(
                f"{folder / _ABOUT} is not of this version", "use the autotune that wrote it"
            )
        return _generation(folder, data)

    def history(self) -> tuple[Generation, ...]:
        """All of them, the oldest first."""
        return tuple(self.read(number) for number in self.numbers())

    def live(self) -> Generation | None:
        """The one in use; ``None`` before the first promotion. Raises like `read`."""
        number = live_number(self.state)
        return None if number is None else self.read(number)

    def previous(self) -> Generation | None:
        """The one that was live before the live one, as far as it is still there."""
        live = self.live()
        known = live is not None and live.parent in self.numbers()
        return self.read(live.parent) if known and live and live.parent is not None else None

    def set_reference(self, number: int, figures: Mapping[str, Any]) -> None:
        """What canaries are compared with from now on."""
        write_json(self.path(number) / _REFERENCE, figures)

    def add_exports(self, number: int, exports: Mapping[str, Rendered]) -> Generation:
        """Files that the target has come to want since this one was staged; others stay."""
        generation = self.read(number)
        fresh = {n: file for n, file in exports.items() if n not in generation.export_names}
        for name, file in fresh.items():
            write_bytes_atomic(generation.exports / name, file.data, mode=file.mode)
        digests = {f"{EXPORTS}/{name}": _digest(file.data) for name, file in fresh.items()}
        if fresh:
            data = read_json(generation.folder / _ABOUT) or {}
            about = {**data, "digests": {**generation.digests, **digests}}
            write_json(generation.folder / _ABOUT, about)
        return self.read(number)

    def prune(self, keep: int, protected: Collection[int] = ()) -> tuple[int, ...]:
        """Removes the oldest beyond `keep`, never the live one, its parent or the newest."""
        live = self.live()
        numbers = self.numbers()
        stay: set[int | None] = {*protected, *numbers[-1:]}
        stay |= {live.number, live.parent} if live is not None else set()
        gone = tuple(n for n in numbers[: max(0, len(numbers) - keep)] if n not in stay)
        for number in gone:
            self._remove(number)
        return gone

    def sweep(self) -> None:
        """Removes what a killed process had not finished writing or removing."""
        for path in [*self.folder.glob(f"{_STAGING}*"), *self.folder.glob(f"{_LEAVING}*")]:
            shutil.rmtree(path, ignore_errors=True)

    def _remove(self, number: int) -> None:
        """Renamed first, so that one that is half removed is never taken for a whole one."""
        leaving = self.folder / f"{_LEAVING}{number:04d}"
        try:
            self.path(number).rename(leaving)
            shutil.rmtree(leaving)
        except OSError as error:
            raise disk_error(leaving, error) from error

    def wrote(self, name: str, data: bytes) -> bool:
        """Whether `data` is what some generation exports as `name`."""
        key, digest = f"{EXPORTS}/{name}", _digest(data)
        return any(one.digests.get(key) == digest for one in self.history())


def _files(draft: Draft) -> dict[str, Rendered]:
    """Every file but the one that says what they are, by path in the folder."""
    exports = dict(_checked(draft.exports))
    documents = {
        _FINGERPRINT: draft.fingerprint,
        _GAIN: draft.gain,
        _REFERENCE: draft.reference,
    }
    found = {name: _json(data) for name, data in documents.items() if data is not None}
    config = Rendered(render_json(draft.config).encode())
    return {**exports, **found, _CONFIG: config}


def _checked(exports: Mapping[str, Rendered]) -> Iterator[tuple[str, Rendered]]:
    for name, file in exports.items():
        if Path(name).name != name or name.startswith("."):
            raise ValueError(f"not a file's name: {name!r}")
        yield f"{EXPORTS}/{name}", file


def _json(data: Mapping[str, Any]) -> Rendered:
    return Rendered((json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())


def _generation(folder: Path, data: Mapping[str, Any]) -> Generation:
    try:
        return Generation(
            number=data["number"],
            folder=folder,
            created_at=datetime.fromisoformat(data["created_at"]),
            study=data["study"],
            why=data["why"],
            parent=data["parent"],
            digests=data["digests"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MachineError(
            f"{folder / _ABOUT} is damaged: {error}", "roll back to another generation"
        ) from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str | None:
    try:
        return _digest(path.read_bytes())
    except OSError:
        return None
