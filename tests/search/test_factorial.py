"""A factorial's configurations, its order, and its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from formula import SPACE, plan_of

from autotune.errors import UserError
from autotune.replay.plan import History
from autotune.search.factorial import (
    FactorialFolder,
    configurations,
    described_plan,
    measuring_order,
    rung_plans,
    turn_keys,
)
from autotune.search.space import to_settings
from autotune.workload.synthesis.edits import edit_sessions
from autotune.workload.writer import write_capture

SHIPPED = Path(__file__).parents[2] / "studies" / "factorial-llama-server-cpu"


def test_what_does_not_apply_makes_no_configuration_of_its_own() -> None:
    found = configurations(SPACE)
    # 4 batches x 3 thread counts x (no drafts, or drafts of 4 or 8).
    assert len(found) == 4 * 3 * (1 + 2)
    assert all(("spec-n" in settings) == (settings["spec-type"] == "ngram") for settings in found)
    # In grid order: the last parameter changes first.
    assert [s.get("spec-n") for s in found[:3]] == [None, 4, 8]


def test_what_the_engine_refuses_is_left_out() -> None:
    from dataclasses import replace

    clause = {"threads": (4,), "batch-size": (128, 256)}
    assert len(configurations(replace(SPACE, forbidden=(clause,)))) == 36 - 2 * 3


def test_the_default_comes_first_and_the_rest_is_shuffled() -> None:
    order = measuring_order(SPACE, 5)
    assert order[0] == to_settings(SPACE, SPACE.defaults)
    assert len(order) == 36
    assert order[1:] != measuring_order(SPACE, 6)[1:]


def test_the_committed_space_has_216_configurations() -> None:
    folder = FactorialFolder(SHIPPED)
    assert len(configurations(folder.space())) == 9 * 2 * 3 * 2 * 2
    assert folder.space().fixed == {"threads-batch": 2, "kv-unified": True, "ctx-size": 4096}


def test_a_folder_plans_its_workload_one_session_after_the_other(tmp_path: Path) -> None:
    folder = FactorialFolder(tmp_path)
    sessions = edit_sessions(sessions=2, turns=8, start_depth=420, depth=840, reply_tokens=32)
    write_capture(sessions, folder.workload_path)
    plan = folder.plan()
    assert turn_keys(plan) == tuple((f"edit-{s}", t) for s in range(2) for t in range(8))
    told = described_plan(plan)
    assert told["turns"][9] == ["edit-1", 1, 32]
    assert (told["digest"], told["history"]) == (plan.digest, History.CLOSED_LOOP.value)
    rungs = rung_plans(plan)
    assert list(rungs) == ["whole", "deep"]
    assert len(rungs["deep"].turns) < len(plan.turns)


def test_a_plan_may_be_too_small_for_a_rung() -> None:
    assert list(rung_plans(plan_of())) == ["whole"]


def test_a_folder_without_a_factorial_is_refused(tmp_path: Path) -> None:
    folder = FactorialFolder(tmp_path)
    with pytest.raises(UserError, match="not a recorded factorial"):
        folder.read_facts()
    folder.write_facts({"configurations": 2})
    assert folder.read_facts()["configurations"] == 2
    assert folder.rows() == list(folder.turns()) == []
