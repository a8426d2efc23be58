"""The shared folder as a store: files are whole or not there, and faults are told in two lines."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import BinaryIO

import pytest
from optuna.artifacts.exceptions import ArtifactNotFound

from autotune.errors import MachineError, UserError
from autotune.team.artefact_stores import FolderStore


def test_what_was_written_is_read_and_removed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "new" / "folder")
    store.write("one", io.BytesIO(b"abc"))
    with store.open_reader("one") as body:
        assert (body.read(2), body.read()) == (b"ab", b"c")
    store.remove("one")
    with pytest.raises(ArtifactNotFound):
        store.open_reader("one")
    with pytest.raises(ArtifactNotFound):
        store.remove("one")


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    FolderStore(tmp_path).write("one", io.BytesIO(b"abc"))
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o644


class Breaking(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, _: int | None = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("where", ["source", "disk"])
def test_a_write_that_fails_leaves_nothing(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    body: BinaryIO = Breaking() if where == "source" else io.BytesIO(b"abc")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "disk":
        monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="cannot write") as caught:
        store.write("one", body)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_breaks_is_told_of_in_two_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    monkeypatch.setattr(store._inner, "open_reader", lambda _: Breaking())
    with (
        store.open_reader("one") as body,
        pytest.raises(MachineError, match="cannot read") as caught,
    ):
        body.read(10)
    assert "mounted" in caught.value.hint


def test_a_folder_that_cannot_be_made_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be kept"):
        FolderStore(tmp_path / "file" / "folder")
