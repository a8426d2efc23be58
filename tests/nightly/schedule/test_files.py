"""Files of a schedule."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.nightly.schedule.files import (
    differing,
    put_back_on_error,
    remove_files,
    write_files,
)
from autotune.nightly.schedule.scheduler import Artefact


def test_files_are_written_with_their_mode_and_lines_are_not(tmp_path: Path) -> None:
    script = tmp_path / "deep" / "run.sh"
    write_files([Artefact(str(script), "echo\n", 0o700), Artefact("crontab", "0 0 * * * x\n")])
    assert script.read_text() == "echo\n"
    assert script.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [tmp_path / "deep"]


def test_what_stood_there_stands_there_again(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"\xff before")

    def change() -> None:
        with put_back_on_error([old, new]):
            old.write_text("after")
            new.write_text("after")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    assert old.read_bytes() == b"\xff before"
    assert not new.exists()


def test_what_was_changed_stays_when_all_is_well(tmp_path: Path) -> None:
    with put_back_on_error([tmp_path / "a"]):
        (tmp_path / "a").write_text("after")
    assert (tmp_path / "a").read_text() == "after"


def test_only_what_is_there_is_removed(tmp_path: Path) -> None:
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("x")
    link.symlink_to(tmp_path / "nowhere")
    gone = remove_files([there, tmp_path / "absent", link])
    assert gone == (str(there), str(link))
    assert list(tmp_path.iterdir()) == []


def test_the_first_difference_is_told(tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    artefacts = [Artefact(str(same), "1\n"), Artefact(str(other), "2\n"), Artefact("crontab", "3")]
    write_files(artefacts)
    assert differing(artefacts) is None
    other.write_text("2 \n")
    assert differing(artefacts) == f"{other} was changed by hand"
    other.unlink()
    assert differing(artefacts) == f"{other} is gone"
