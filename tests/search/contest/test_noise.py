"""Noise over several engines: one floor, all drift, every turn that was set aside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from formula import FormulaMeasurer, plan_of
from steady import CORES, SteadyBench, busy

from autotune.records import TurnRecord
from autotune.search.budget import Budget
from autotune.search.contest.noise import contest_noise, holder_floor
from autotune.search.contest.side import Side, closed_gate
from autotune.search.remeasure import Remeasure
from autotune.study.turn_log import TurnLog


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, ...]:
    """`a` was disturbed in its second trial, `b` was not."""
    made = []
    for name, measurer in (("a", busy(2)), ("b", FormulaMeasurer())):
        bench = SteadyBench(tmp_path / name, plan=plan_of(2, 10))
        bench.run(measurer, 6)
        assert bench.search is not None
        made.append(Side(name, bench.search, closed_gate()))
    return tuple(made)


def confirmation() -> list[TurnRecord]:
    fields = {"order": 0, "session_id": "s", "turn": 0, "started_at": "", "block": 0}
    kept = TurnRecord(arm="confirm-0012-a-default", asked_output_tokens=1, wall_s=50.0, **fields)  # type: ignore[arg-type]
    return [kept, replace(kept, arm="confirm-0012-a-default~1", wall_s=30.0)]


def test_all_engines_together(sides: tuple[Side, ...], tmp_path: Path) -> None:
    log = TurnLog(tmp_path / "turns.jsonl")
    clean = Remeasure(log=log, cores=CORES, gave_up=True)
    found = contest_noise(sides, "b", confirmation(), clean)
    log.close()
    assert found is not None
    # Twenty turns of engine a, and one of the confirmation.
    assert found["disturbed"]["discarded_turns"] == 21
    assert found["disturbed"]["again"] == 2
    assert found["never_quiet"] is True
    assert found["anchors"]["measured"] == 0
    assert found["anchors"]["left_doubtful"] == []
    floor = holder_floor(sides, "b")
    assert floor is not None
    assert found["floor"] == floor.to_json()


def test_what_is_not_watched_is_not_told(sides: tuple[Side, ...], tmp_path: Path) -> None:
    for side in sides:
        side.search.steady = None
    log = TurnLog(tmp_path / "turns.jsonl")
    assert contest_noise(sides, "a", [], Remeasure(log=log, cores=CORES)) is None
    log.close()
    assert holder_floor(sides, "a") is None
    assert isinstance(sides[0].gate, Budget)
