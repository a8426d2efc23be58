"""A study of one machine is opened, checked and confirmed on that machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from autotune.errors import UserError
from autotune.search.home import WORKER_FILE, Course, OwnHome
from autotune.search.ledger import Ledger
from autotune.search.suggest import make_sampler
from autotune.study.folder import StudyFolder


class Recorded:
    """A course that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.search = self

    def run(self) -> Ledger:
        self.asked.append("run")
        return Ledger()

    def proved(self, _: Ledger) -> Any:
        self.asked.append("proved")


def test_it_searches_and_confirms_by_itself() -> None:
    course = Recorded()
    home = OwnHome()
    ledger = home.searched(cast("Course", course))
    home.ended(cast("Course", course), ledger)
    assert course.asked == ["run", "proved"]
    assert home.member.is_alone


def test_its_study_is_in_its_folder_and_nobody_else_s(tmp_path: Path) -> None:
    folder, home = StudyFolder(tmp_path / "s"), OwnHome()
    with home.locked(folder), home.opened(folder, make_sampler(0)) as study:
        assert study.study_name == "s"
        assert folder.database.is_file()
        with pytest.raises(UserError, match="is running study s"), home.locked(folder):
            pass
    assert WORKER_FILE not in {p.name for p in folder.path.iterdir()}
