"""An engine is asked once for what no seed changes, and the oldest answers make room."""

from __future__ import annotations

import pytest

from autotune.candidate import Candidate
from autotune.simulated import known_runs
from autotune.simulated.known_runs import KnownRuns
from autotune.simulated.machines import simulated_setup
from autotune.simulated.prompts import PlanShape
from autotune.simulated.served import Run, Settings


class Asked:
    """An engine that counts."""

    name = "counting"

    def __init__(self) -> None:
        self.settings: list[Settings] = []

    def run(self, settings: Settings, shape: PlanShape) -> Run:
        self.settings.append(settings)
        return Run(
            load_s=1.0, stop_s=0.0, warm_up_s=0.0, turns=(), slots=1, effective=settings
        )  # fmt: skip


PLAN = simulated_setup("2-cores-vllm").search_plan


def test_the_same_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_runs, "MOST_RUNS", 2)
    engine, known = Asked(), KnownRuns()
    one, two, three = (Candidate({"a": n}) for n in range(3))
    assert known.run(engine, one, PLAN) is known.run(engine, one, PLAN)
    known.run(engine, two, PLAN)
    known.run(engine, one, PLAN)
    known.run(engine, three, PLAN)  # the second was asked for longest ago
    assert len(engine.settings) == 3
    known.run(engine, one, PLAN)
    assert len(engine.settings) == 3
    known.run(engine, two, PLAN)
    assert len(engine.settings) == 4


def test_seeds_of_a_machine_share_what_is_known() -> None:
    first, second = (simulated_setup("2-cores-vllm", seed) for seed in (1, 2))
    assert first.measurer.measurer.known is second.measurer.measurer.known  # type: ignore[attr-defined]
