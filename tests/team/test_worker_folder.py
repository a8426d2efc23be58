"""Each worker has a folder to itself, and finds its own again."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.study.folder import StudyFolder
from autotune.team.storage_url import StorageUrl
from autotune.team.worker_folder import worker_folder

URL = StorageUrl(database="tuning", host="db")


def test_workers_of_one_directory_have_folders_of_their_own(tmp_path: Path) -> None:
    with (
        worker_folder(tmp_path, "s", URL, "s", "w1") as first,
        worker_folder(tmp_path, "s", URL, "s", "w2") as second,
    ):
        assert (first.folder.name, second.folder.name) == ("s", "s-2")
        assert (first.worker, second.worker) == ("w1", "w2")


def test_one_that_is_started_again_finds_its_own(tmp_path: Path) -> None:
    with worker_folder(tmp_path, "s", URL, "s", "w1"):
        pass
    with worker_folder(tmp_path, "s", URL, "s", "w9") as again:
        assert again.folder.name == "s"
        assert again.names == ("w1", "w9")


def test_a_study_of_this_machine_alone_is_not_taken_for_it(tmp_path: Path) -> None:
    StudyFolder(tmp_path / "s").write_provenance({})
    with (
        pytest.raises(UserError, match="holds a study already"),
        worker_folder(tmp_path, "s", URL, "s", "w1"),
    ):
        pass


def test_nor_is_that_of_another_storage(tmp_path: Path) -> None:
    with worker_folder(tmp_path, "s", URL, "s", "w1"):
        pass
    other = StorageUrl(database="other", host="db")
    with (
        pytest.raises(UserError, match="postgresql://db/tuning"),
        worker_folder(tmp_path, "s", other, "s", "w1"),
    ):
        pass


def test_a_stranger_with_a_number_is_passed_over(tmp_path: Path) -> None:
    StudyFolder(tmp_path / "s-2").write_provenance({})
    with (
        worker_folder(tmp_path, "s", URL, "s", "w1"),
        worker_folder(tmp_path, "s", URL, "s", "w2") as second,
    ):
        assert second.folder.name == "s-3"
