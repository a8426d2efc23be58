"""The link that says which generation is in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.nightly.live import (
    clear_leftovers,
    clear_live,
    live_number,
    live_path,
    point_live,
)


def test_it_points_to_one_generation_after_another(tmp_path: Path) -> None:
    assert live_number(tmp_path) is None
    for number in (7, 12):
        (tmp_path / "generations" / f"{number:04d}").mkdir(parents=True)
        point_live(tmp_path, number)
        assert live_number(tmp_path) == number
        assert live_path(tmp_path).resolve() == tmp_path / "generations" / f"{number:04d}"
    clear_live(tmp_path)
    clear_live(tmp_path)
    assert live_number(tmp_path) is None


def test_it_can_be_moved_with_its_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "generations" / "0007").mkdir(parents=True)
    point_live(state, 7)
    assert not live_path(state).readlink().is_absolute()
    state.rename(tmp_path / "moved")
    assert live_path(tmp_path / "moved").is_dir()


def test_a_link_that_was_never_renamed_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".live-next").symlink_to("generations/0003")
    point_live(tmp_path, 4)
    assert live_number(tmp_path) == 4
    (tmp_path / ".live-next").symlink_to("generations/0003")
    clear_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live"]


@pytest.mark.parametrize("kind", ["file", "elsewhere"])
def test_what_is_no_link_of_ours_is_not_guessed_at(tmp_path: Path, kind: str) -> None:
    if kind == "file":
        live_path(tmp_path).write_text("7", encoding="utf-8")
    else:
        live_path(tmp_path).symlink_to("/srv/mine")
    with pytest.raises(MachineError, match="no link to a generation"):
        live_number(tmp_path)


def test_a_disk_that_refuses_leaves_what_was(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="cannot write"):
        point_live(tmp_path / "not there", 1)
