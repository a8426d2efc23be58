"""What a study remembers of the configs that were filled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.replay.plan import History, PlannedTurn
from autotune.scoring.growth import Growth, GrowthKind
from autotune.scoring.held import Held
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.hold_book import (
    HoldRow,
    asked_of,
    find_hold,
    note_hold,
    read_holds,
    refusals,
    refused_keys,
    relearn,
)
from autotune.search.space import Space
from autotune.study.folder import StudyFolder
from autotune.trial.soak_plan import SoakPlan, plan_soak
from autotune.workload.model import Turn

HOLDS = Held(
    to_tokens=110, deepest_tokens=100, wanted_tokens=110, context_tokens=None, sessions=4, turns=9
)
FAILS = replace(HOLDS, failure="out-of-memory", message="cudaMalloc", failed_at_tokens=105)
LEAKS = replace(
    HOLDS,
    growth=Growth(
        where="gpu", kind=GrowthKind.LEAK, bytes_per_turn=1e6, turns=9, total_bytes=9_000_000
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path / "s")


def plan(headroom: float = 0.1) -> SoakPlan:
    turn = Turn(session_id="a", index=0, messages=({"role": "user", "content": "x"},))
    return plan_soak(
        [PlannedTurn(0, turn, 8)],
        {("a", 0): 100},
        history=History.RECORDED,
        concurrency=1,
        headroom=headroom,
        context_tokens=None,
    )


def row(trial: int, held: Held, **settings: Any) -> HoldRow:
    asked = asked_of(plan())
    return HoldRow(
        key=f"key{trial}", trial=trial, settings=settings, asked=asked, seconds=1.5, held=held
    )


def test_there_is_nothing_before_the_first(folder: StudyFolder) -> None:
    assert read_holds(folder) == []
    assert refused_keys(folder) == frozenset()
    assert find_hold(folder, "key1", plan()) is None


def test_a_config_is_found_again_when_it_was_filled_with_the_same(folder: StudyFolder) -> None:
    note_hold(folder, row(1, HOLDS, **{"ubatch-size": 512}))
    found = find_hold(folder, "key1", plan())
    assert found == row(1, HOLDS, **{"ubatch-size": 512})
    assert find_hold(folder, "key2", plan()) is None
    assert find_hold(folder, "key1", plan(headroom=0.5)) is None


def test_a_later_look_takes_the_place_of_an_earlier_one(folder: StudyFolder) -> None:
    note_hold(folder, row(1, FAILS))
    note_hold(folder, row(2, LEAKS))
    assert refused_keys(folder) == {"key1", "key2"}
    assert refusals(folder, "vllm-") == {"vllm-trial-0001": FAILS, "vllm-trial-0002": LEAKS}
    note_hold(folder, row(1, HOLDS))
    assert refused_keys(folder) == {"key2"}
    assert [r.trial for r in read_holds(folder)] == [2, 1]


def test_what_ran_out_of_memory_is_learnt_and_a_leak_is_not(folder: StudyFolder) -> None:
    space = Space("llama-server", ())
    large, small = {"ctx-size": 4096, "parallel": 1}, {"ctx-size": 2048, "parallel": 1}
    note_hold(folder, row(1, LEAKS, **large))
    feasibility = Feasibility(space, None, Limits(None, None), gpu=False)
    relearn(feasibility, folder)
    assert feasibility.refusal(Candidate(large)) is None
    note_hold(folder, row(2, FAILS, **large))
    relearn(feasibility, folder)
    assert feasibility.refusal(Candidate(large)) is not None
    assert feasibility.refusal(Candidate({**large, "ctx-size": 8192})) is not None
    assert feasibility.refusal(Candidate(small)) is None
