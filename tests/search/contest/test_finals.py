"""The finals across engines: which arms, on which engine, in which order, in how much time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena import Arena
from formula import FormulaMeasurer, plan_of, ttft_of

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.replay.plan import ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.budget import Budget
from autotune.search.confirm import finished_blocks
from autotune.search.contest.budget import ContestBudget, launch_s
from autotune.search.contest.finals import Finals, Proof
from autotune.search.judge import Judge
from autotune.study.folder import StudyFolder

Scale = Callable[[Mapping[str, Setting]], float]


def times(factor: float) -> Scale:
    return lambda settings: factor * ttft_of(settings)


@dataclass
class Owner:
    measurer: FormulaMeasurer
    confirm_plan: ReplayPlan


def finals(arena: Arena, folder: Path, limit_s: float | None = None, **more: Any) -> Finals:
    plan = plan_of(sessions=4)
    keys = frozenset((p.turn.session_id, p.turn.index) for p in plan.turns)
    study = StudyFolder(folder)
    log = study.turn_log()
    arena.stack.callback(log.close)
    fields: dict[str, Any] = {
        "sides": arena.sides,
        "owners": {
            name: Owner(FormulaMeasurer(scale=measurer.scale), plan)
            for name, measurer in arena.measurers.items()
        },
        "holder": arena.sides[0].label,
        "plan": plan,
        "judge": Judge(Objective.TURN, keys),
        "budget": ContestBudget(Budget(limit_s, 1, time.monotonic, time.monotonic()), blocks=2),
        "log": log,
        "listener": arena.events.append,
        "stop": threading.Event(),
        "earlier": finished_blocks(list(study.read_turns())),
        "held_out": True,
    }
    return Finals(**{**fields, **more})


def proved(found: Proof | None) -> Proof:
    assert found is not None
    return found


def test_every_default_and_every_best_are_confirmed_on_their_own_engines(
    arena: Arena, tmp_path: Path
) -> None:
    arena.open({"a": times(1), "b": times(3)}).run(10)
    made = finals(arena, tmp_path / "f")
    proof = proved(made.run())
    roles = [(arm.engine, arm.role) for arm in proof.arms]
    assert roles == [("a", "default"), ("a", "best"), ("b", "default"), ("b", "best")]
    assert proof.baseline.name == "a-default"
    for engine, owner in made.owners.items():
        own = [arm for arm, _ in owner.measurer.arms if arm.startswith("confirm-")]  # type: ignore[attr-defined]
        assert len(own) == 2 * 2
        assert all(f"-{engine}-" in arm for arm in own)
    # TTFT of the defaults is 1.5 and 4.5 s, times 1.035 at the median; 10 tokens at 20 tok/s.
    ratio = (1.5 * 1.035 + 0.5) / (4.5 * 1.035 + 0.5)
    assert abs(proof.confirmed.comparisons["b-default"].ratio - ratio) < 1e-9


def test_the_close_few_of_near_engines_run_a_heat_and_a_far_engine_none(
    arena: Arena, tmp_path: Path
) -> None:
    arena.open({"a": times(1), "b": times(4)}).run(16)
    made = finals(arena, tmp_path / "f")
    made.run()
    heats = {
        engine: [arm for arm, _ in owner.measurer.arms if arm.startswith("heat-")]  # type: ignore[attr-defined]
        for engine, owner in made.owners.items()
    }
    assert len(heats["a"]) > 1
    assert heats["b"] == []


def test_without_time_to_spare_there_is_no_heat(arena: Arena, tmp_path: Path) -> None:
    arena.open({"a": times(1), "b": times(1)}).run(16)
    cost_s = ContestBudget(Budget(None, 1, time.monotonic, 0.0), blocks=2).confirm_s(arena.sides)
    # Two arms an engine, two blocks, ten seconds a trial.
    assert cost_s == 2 * 2 * 2 * 10.0
    made = finals(arena, tmp_path / "f", limit_s=cost_s + 1.5 * launch_s(arena.sides[0]))
    made.run()
    arms = [arm for owner in made.owners.values() for arm, _ in owner.measurer.arms]  # type: ignore[attr-defined]
    assert not any(arm.startswith("heat-") for arm in arms)


def test_blocks_that_a_former_run_finished_are_not_measured_again(
    arena: Arena, tmp_path: Path
) -> None:
    arena.open({"a": times(1), "b": times(2)}).run(8)
    first = proved(finals(arena, tmp_path / "f").run())
    made = finals(arena, tmp_path / "f")
    again = proved(made.run())
    assert all(owner.measurer.arms == [] for owner in made.owners.values())  # type: ignore[attr-defined]
    assert again.confirmed.comparisons == first.confirmed.comparisons


def test_without_any_default_nothing_is_confirmed(arena: Arena, tmp_path: Path) -> None:
    broken = FormulaMeasurer(fails=lambda _: Failure(FailureKind.CRASH, "it died"))
    arena.open({"a": broken, "b": broken}).run(6)
    assert finals(arena, tmp_path / "f").run() is None
