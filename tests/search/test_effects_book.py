"""What is remembered of a finalist's changes."""

from __future__ import annotations

from pathlib import Path

from autotune.search.change_groups import groups_of
from autotune.search.effects import Basis, Effect
from autotune.search.effects_book import EffectRow, find_row, note_row
from autotune.search.leave_one_out import Lot
from autotune.search.space import Parameter, Space
from autotune.study.folder import StudyFolder

SPACE = Space("e", tuple(Parameter(name, (1, 2), 1, "threads") for name in "ab"))
GROUPS = groups_of(SPACE, {"a": 2, "b": 2})
LOT = Lot(("a",), ("a", "b"), 3, whole=False)
EFFECT = Effect(group=GROUPS[0], basis=Basis.RUNS, ratio=1.2, low=1.1, high=1.3, pairs=9)


def row(key: str = "k", searched: int = 5, **more: object) -> EffectRow:
    return EffectRow(key=key, searched=searched, plan="p", lot=LOT, **more)  # type: ignore[arg-type]


def test_a_row_comes_back_and_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    assert find_row(folder, GROUPS, "k", 5, "p") is None
    note_row(folder, row())
    note_row(folder, row(key="other"))
    done = row(done=True, effects=(EFFECT,), dropped=("b",), smaller="s", note="n")
    note_row(folder, done)
    assert find_row(folder, GROUPS, "k", 5, "p") == done
    assert find_row(folder, GROUPS, "other", 5, "p") == row(key="other")
    assert len(folder.read_effects()) == 2


def test_other_trials_another_plan_or_other_changes_are_another_finalist(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    note_row(folder, row(done=True, effects=(EFFECT,)))
    assert find_row(folder, GROUPS, "k", 6, "p") is None
    assert find_row(folder, GROUPS, "k", 5, "q") is None
    assert find_row(folder, GROUPS[1:], "k", 5, "p") is None
