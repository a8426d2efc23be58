"""A search space beside a build: found by name or by path, counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.launchers.protocol import Launcher
from autotune.launchers.spelling import Standing
from autotune.search.standing import space_file_of, space_standing

SPACE = """\
schema_version = "search-space/1"
engine = "fake"
[parameters.batch-size]
choices = [64, 128]
default = 64
concept = "x"
[parameters.no-such-thing]
choices = [1, 2]
default = 1
concept = "x"
"""


def test_a_space_of_ones_own(fake_launcher: Callable[..., Launcher], tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    launcher = fake_launcher(search_space=str(tmp_path / "space.toml"))
    standing = space_standing(launcher, launcher.detect())
    assert [row.spelling.setting for row in standing.rows] == ["batch-size", "no-such-thing"]
    assert [row.accepted for row in standing.rows] == [True, False]
    assert (standing.accepted, standing.count(Standing.UNKNOWN)) == (1, 1)


def test_an_engine_that_lists_nothing(fake_launcher: Callable[..., Launcher]) -> None:
    launcher = fake_launcher(command={"help": []})
    standing = space_standing(launcher, launcher.detect())
    assert standing.accepted is None
    assert standing.count(Standing.UNTOLD) == len(standing.rows)


@pytest.mark.parametrize(
    ("space", "words"),
    [(None, "has no search space"), ("/no/space.toml", "no search space /no/space.toml")],
)
def test_none_there(fake_launcher: Callable[..., Launcher], space: str | None, words: str) -> None:
    launcher = fake_launcher(search_space=space) if space else fake_launcher()
    if space is None:
        launcher.manifest = launcher.manifest.model_copy(update={"search_space": None})  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=words):
        space_file_of(launcher)
