"""Combinations as they are searched."""

from __future__ import annotations

import pytest

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.launchers.failure import FailureKind
from autotune.records import TurnRecord
from autotune.replay.planning import part
from autotune.search.budget import Budget
from autotune.search.space import to_settings
from autotune.simulated.faults import Faults
from autotune.simulated.label import is_simulated
from autotune.simulated.machines import (
    COMBINATIONS,
    SimulatedClock,
    SimulatedSetup,
    plan_depths,
    provenance,
    simulated_setup,
)
from autotune.simulated.workloads import SimulatedWork, whole_plan, workload_of


def default_of(setup: SimulatedSetup) -> Candidate:
    return Candidate(to_settings(setup.space, setup.space.defaults))


def kept(_: TurnRecord) -> None:
    return None


def test_there_are_at_least_six_and_they_differ_in_machine_model_and_engine() -> None:
    assert len(COMBINATIONS) >= 6
    assert len({c.machine.profile for c in COMBINATIONS.values()}) >= 6
    assert len({c.shape.name for c in COMBINATIONS.values()}) >= 6
    assert {c.engine for c in COMBINATIONS.values()} == {"llama-server", "vllm"}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_the_default_of_every_combination_can_be_measured(name: str) -> None:
    setup = simulated_setup(name, noise="none")
    default = default_of(setup)
    assert setup.feasibility.refusal(default) is None
    for plan in (setup.search_plan, setup.confirm_plan):
        found = setup.measurer.measure(default, plan, arm="default", block=0, sink=kept)
        assert found.failure is None
        assert setup.judge.judge(found).value is not None
    assert setup.clock() > 0.0


@pytest.mark.parametrize("name", COMBINATIONS)
def test_starts_of_the_space_can_be_told_from_the_default(name: str) -> None:
    setup = simulated_setup(name, noise="none")
    values = {_value(setup, start.settings) for start in setup.space.starts}
    assert len(values - {None}) >= 2


def _value(setup: SimulatedSetup, settings: object) -> float | None:
    assert isinstance(settings, dict)
    candidate = Candidate(to_settings(setup.space, {**setup.space.defaults, **settings}))
    if setup.feasibility.refusal(candidate) is not None:
        return None
    found = setup.measurer.measure(candidate, setup.search_plan, arm="s", block=0, sink=kept)
    return setup.judge.judge(found).value


def test_the_six_fields_unpack_and_the_clock_is_a_budgets() -> None:
    setup = simulated_setup("2-cores-llama-server", seed=3, noise="shared")
    space, search_plan, confirm_plan, judge, feasibility, measurer = setup[:6]
    assert space is feasibility.space
    assert set(search_plan.session_ids).isdisjoint(confirm_plan.session_ids)
    assert judge.at_depth
    assert isinstance(setup.clock, SimulatedClock)
    budget = Budget(limit_s=3600, trials=None, clock=setup.clock, started_s=setup.clock())
    found = measurer.measure(default_of(setup), search_plan, arm="a", block=0, sink=kept)
    assert budget.elapsed_s() == pytest.approx(found.seconds.total_s)


def test_a_rung_may_begin_sessions_in_their_middle() -> None:
    setup = simulated_setup("2-cores-llama-server", noise="none")
    session = setup.search_plan.session_ids[0]
    turns = [(session, turn) for turn in (8, 9, 10)]
    rung = part(setup.search_plan, turns)
    found = setup.measurer.measure(default_of(setup), rung, arm="r", block=0, sink=kept)
    assert [record.turn for record in found.records] == [8, 9, 10]
    assert found.records[0].cached_tokens == 0
    assert (found.records[1].cached_tokens or 0) > 0
    whole = setup.measurer.measure(
        default_of(setup), setup.search_plan, arm="w", block=0, sink=kept
    )
    depths = {(r.session_id, r.turn): r.depth_tokens or 0 for r in whole.records}
    for record in found.records:
        assert record.depth_tokens == pytest.approx(depths[session, record.turn], rel=0.02)


def test_nothing_but_noise_and_faults_goes_by_the_seed() -> None:
    one, other = (simulated_setup("m1-max-llama-8b", seed=seed) for seed in (1, 2))
    assert one.space == other.space
    assert one.search_plan.digest == other.search_plan.digest
    assert one.feasibility is not other.feasibility


def test_faults_are_passed_on() -> None:
    setup = simulated_setup("2-cores-vllm", noise="none", faults=Faults(crash=1.0))
    found = setup.measurer.measure(
        default_of(setup), setup.search_plan, arm="a", block=0, sink=kept
    )
    assert found.failure is not None
    assert found.failure.kind is FailureKind.CRASH


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(UserError, match="no simulated machine is called 'z80'"):
        simulated_setup("z80")


def test_provenance_says_what_it_is() -> None:
    facts = provenance("h100-qwen-32b-vllm", seed=4)
    assert is_simulated(facts)
    assert "simulated" in facts["gpu_name"]
    assert facts["engine"] == "vllm"


def test_workloads_are_deep_and_made_once() -> None:
    work = SimulatedWork(sessions=2, turns=4, depth=6_000, start_depth=2_000)
    assert workload_of(work) is workload_of(SimulatedWork(2, 4, 6_000, 2_000))
    plan = whole_plan(work)
    assert len(plan.turns) == 8
    assert max(plan_depths(plan).values()) == pytest.approx(6_000, rel=0.1)
