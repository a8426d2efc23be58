"""Turns that engines share, whatever each counts."""

from __future__ import annotations

from pathlib import Path

from formula import plan_of

from autotune.search.shared import Roles, SharedTurns, depth_span, stored_shared, within
from autotune.study.folder import StudyFolder
from autotune.workload.load import workload_of
from autotune.workload.synthesize import SynthesisSpec, synthesize

KEYS = frozenset({("s0", 0), ("s1", 1), ("elsewhere", 3)})


def test_sessions_are_cut_and_those_of_which_nothing_is_kept_are_left_out() -> None:
    whole = workload_of(synthesize(SynthesisSpec(sessions=3, turns=3)))
    names = [session.session_id for session in whole.sessions]
    cut = SharedTurns(kept={names[0]: 2, names[2]: 3}).cut(whole)
    assert [(s.session_id, len(s.turns)) for s in cut.sessions] == [(names[0], 2), (names[2], 3)]
    assert cut.digest == whole.digest


def test_it_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    assert stored_shared(folder) is None
    roles = Roles(search=("s0",), confirm=("s1",), at_depth=KEYS)
    for shared in (SharedTurns(kept={"s0": 2}), SharedTurns(kept={"s0": 2, "s1": 1}, roles=roles)):
        folder.write_shared(shared.to_json())
        assert stored_shared(folder) == shared


def test_depths_are_told_as_an_engine_counts_them() -> None:
    depths = {("s0", 0): 9812, ("s1", 1): 27540, ("s1", 0): 3}
    assert depth_span(depths, KEYS) == "9,812-27,540"
    assert depth_span({}, KEYS) == "none"


def test_only_turns_of_the_plan_are_at_its_depth() -> None:
    assert within(plan_of(sessions=2, turns=2), KEYS) == {("s0", 0), ("s1", 1)}
