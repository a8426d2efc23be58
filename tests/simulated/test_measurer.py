"""The simulated measurer: what a real one fills, filled the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.simulated.combinations import COMBINATIONS, RTX_3060
from autotune.simulated.faults import Faults, fault
from autotune.simulated.label import is_simulated
from autotune.simulated.llama import LlamaServer
from autotune.simulated.measurer import SimulatedMeasurer
from autotune.simulated.model_shapes import LLAMA_8B
from autotune.simulated.models import simulated_model
from autotune.simulated.noise import NOISES, MachineTime, Noise
from autotune.trial.measurement import Measurement, Measurer
from autotune.trial.patience import LEAST_S, Patience
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

from .conftest import agent, plan_of

SETTINGS: dict[str, Setting] = {"n-gpu-layers": "all", "ctx-size": 16_384, "parallel": 2,
                                "kv-unified": True}  # fmt: skip
CANDIDATE = Candidate(SETTINGS)


@pytest.fixture
def plan() -> ReplayPlan:
    pairs = zip(agent("a", 4, first=2_000), agent("b", 4, first=3_000), strict=True)
    return plan_of([turn for pair in pairs for turn in pair])


def measurer(noise: str = "none", seed: int = 1, **more: Any) -> SimulatedMeasurer:
    engine = LlamaServer(RTX_3060, simulated_model(LLAMA_8B), COMBINATIONS["3060-llama-8b"].pace)
    level: Noise = NOISES[noise]
    return SimulatedMeasurer(engine=engine, noise=level, seed=seed, clock=VirtualClock(), **more)


def measured(
    of: Measurer, plan: ReplayPlan, candidate: Candidate = CANDIDATE, arm: str = "trial-0001"
) -> tuple[Measurement, list[TurnRecord]]:
    seen: list[TurnRecord] = []
    return of.measure(candidate, plan, arm=arm, block=0, sink=seen.append), seen


def test_every_field_that_a_real_engine_fills_is_filled(plan: ReplayPlan) -> None:
    found, seen = measured(measurer(), plan)
    assert list(found.records) == seen
    assert found.failure is None
    assert found.whole
    assert found.effective == SETTINGS
    record = found.records[2]
    assert (record.arm, record.block, record.order) == ("trial-0001", 0, 2)
    assert (record.session_id, record.turn) == ("a", 1)
    assert record.depth_tokens == 2_070
    assert record.cached_tokens == 2_020
    assert record.computed_tokens == 50
    assert record.output_tokens == record.asked_output_tokens == 20
    assert record.finish_reason == "length"
    assert record.ok
    assert record.ttft_s is not None
    assert record.wall_s is not None
    assert record.decode_tps is not None
    assert record.wall_s == pytest.approx(record.ttft_s + 19 / record.decode_tps)
    assert record.machine is not None
    assert record.machine.vram_peak_bytes is not None
    assert TurnRecord.from_json(record.to_json()) == record


def test_seconds_add_up_to_what_the_turns_took(plan: ReplayPlan) -> None:
    found, _ = measured(measurer(), plan)
    walls = sum(record.wall_s or 0.0 for record in found.records)
    assert found.seconds.replay_s == pytest.approx(walls)
    assert found.seconds.load_s > 1.0
    assert found.seconds.total_s > walls + found.seconds.load_s


def test_everything_says_that_it_is_simulated(plan: ReplayPlan) -> None:
    found, _ = measured(measurer(), plan)
    assert is_simulated(found.telemetry)
    assert not is_simulated({"simulated": "no"})
    assert {record.provider for record in found.records} == {"simulated"}
    assert found.records[0].to_json()["provider"] == "simulated"


def test_the_same_seed_gives_the_same_measurement(plan: ReplayPlan) -> None:
    one, other = (measured(measurer("shared"), plan)[0] for _ in range(2))
    assert one == other
    assert measured(measurer("shared", seed=2), plan)[0] != one


def test_measured_again_it_is_the_same_config_with_other_noise(plan: ReplayPlan) -> None:
    of = measurer("shared")
    first, again = measured(of, plan)[0], measured(of, plan)[0]
    assert [r.cached_tokens for r in first.records] == [r.cached_tokens for r in again.records]
    assert [r.ttft_s for r in first.records] != [r.ttft_s for r in again.records]


def test_what_came_before_does_not_change_a_measurement(plan: ReplayPlan) -> None:
    alone, _ = measured(measurer("shared"), plan, arm="z")
    after = measurer("shared")
    measured(after, plan, arm="y")
    assert measured(after, plan, arm="z")[0] == alone


def test_left_early_the_rest_is_not_replayed(plan: ReplayPlan) -> None:
    seen: list[TurnRecord] = []
    found = measurer().measure(
        CANDIDATE, plan, arm="a", block=0, sink=seen.append, enough=lambda: len(seen) == 3
    )
    assert len(found.records) == 3
    assert not found.whole
    assert found.seconds.replay_s == pytest.approx(sum(r.wall_s or 0.0 for r in found.records))


def test_what_does_not_fit_costs_its_load_and_leaves_no_record(plan: ReplayPlan) -> None:
    found, seen = measured(measurer(), plan, Candidate({**SETTINGS, "ctx-size": 131_072}))
    assert found.failure is not None
    assert found.failure.kind is FailureKind.OUT_OF_MEMORY
    assert seen == []
    assert found.seconds.total_s == found.seconds.load_s > 0.0


def test_a_session_that_overflows_is_left_and_the_others_go_on() -> None:
    short = plan_of([*agent("a", 3, first=2_000, new=1_500), *agent("b", 1)])
    found, _ = measured(measurer(), short, Candidate({**SETTINGS, "ctx-size": 4_096}))
    assert found.failure is not None
    assert found.failure.kind is FailureKind.CONTEXT_OVERFLOW
    assert [r.failure for r in found.records] == [None, None, "context-overflow", None]
    longer = plan_of([*agent("a", 4, first=2_000, new=1_500), *agent("b", 1)])
    records = measured(measurer(), longer, Candidate({**SETTINGS, "ctx-size": 4_096}))[0].records
    assert [r.failure for r in records][2:] == ["context-overflow", "unreached", None]
    assert records[2].ttft_s is None


def test_out_of_memory_under_way_ends_everything(plan: ReplayPlan) -> None:
    faults = Faults(out_of_memory=1.0)
    kinds = {_failed(plan, faults, ctx) for ctx in range(8_192, 16_384, 512)}
    assert kinds == {(0, ()), (8, ("crash", "unreached", "unreached"))}


def _failed(plan: ReplayPlan, faults: Faults, ctx: int) -> tuple[int, tuple[str | None, ...]]:
    found, _ = measured(measurer(faults=faults), plan, Candidate({**SETTINGS, "ctx-size": ctx}))
    assert found.failure is not None
    assert found.failure.kind is FailureKind.OUT_OF_MEMORY
    return len(found.records), tuple(r.failure for r in found.records[5:])


def test_faults_strike_their_share_of_the_space(plan: ReplayPlan) -> None:
    faults = Faults(out_of_memory=0.4, hang=0.05, crash=0.1)
    struck = [fault(faults, str(n), {}, "run", 1, 8) for n in range(2_000)]
    kinds = [None if one is None else one.failure.kind for one in struck]
    assert kinds.count(FailureKind.OUT_OF_MEMORY) / 2_000 == pytest.approx(0.4, abs=0.03)
    assert kinds.count(FailureKind.HANG) / 2_000 == pytest.approx(0.03, abs=0.015)
    assert kinds.count(FailureKind.CRASH) / 2_000 == pytest.approx(0.06, abs=0.02)
    assert {one.takes_s for one in struck if one and one.takes_s} == {600.0}


def test_memory_fails_for_good_and_a_crash_does_not_come_back() -> None:
    faults = Faults(out_of_memory=0.4, crash=0.3)
    runs = [[fault(faults, str(n), {}, f"run {i}", 1, 8) for i in range(6)] for n in range(200)]
    for own in runs:
        memory = [one is not None and one.failure.kind is FailureKind.OUT_OF_MEMORY for one in own]
        assert len(set(memory)) == 1
    assert any(None in own and any(own) for own in runs)


def test_the_default_may_be_spared() -> None:
    faults = Faults(out_of_memory=1.0, spared={"poll": 50})
    assert fault(faults, "k", {"poll": 50, "threads": 4}, "run", 1, 8) is None
    assert fault(faults, "k", {"poll": 0}, "run", 1, 8) is not None
    assert fault(faults, "k", {}, "run", 1, 0) is None


def test_a_hang_costs_its_timeout(plan: ReplayPlan) -> None:
    found, _ = measured(measurer(faults=Faults(hang=1.0, timeout_s=120.0)), plan)
    assert found.failure is not None
    assert found.failure.kind is FailureKind.HANG
    bad = [r for r in found.records if r.failure == "hang"]
    assert [r.wall_s for r in bad] == [120.0]
    assert found.seconds.replay_s >= 120.0


def test_a_hang_costs_no_more_than_is_waited_for(plan: ReplayPlan) -> None:
    patience = Patience(limit_s=600.0)
    of = measurer(faults=Faults(hang=1.0, timeout_s=120.0), patience=patience)
    unknown, _ = measured(of, plan)
    assert [r.wall_s for r in unknown.records if r.failure == "hang"] == [120.0]
    patience.saw(replace(unknown.records[0], failure=None, ttft_s=0.5))
    known, _ = measured(of, plan, arm="trial-0002")
    assert [r.wall_s for r in known.records if r.failure == "hang"] == [LEAST_S]


def test_the_clock_moves_by_what_a_measurement_takes(plan: ReplayPlan) -> None:
    of = measurer()
    clocked = ClockedMeasurer(of, of.clock)
    found, _ = measured(clocked, plan)
    assert of.clock() == pytest.approx(found.seconds.total_s)


def test_a_burst_hits_whoever_measures_then(plan: ReplayPlan) -> None:
    late = measurer("tenfold-bursts")
    begin_s, end_s = MachineTime(late.noise, late.seed).burst_at(0)
    quiet = SimulatedMeasurer(
        engine=late.engine, noise=replace(late.noise, burst=1.0), seed=1, clock=VirtualClock()
    )
    assert _slowest(late, quiet, plan, 0.0) == pytest.approx(1.0)
    assert end_s - begin_s > 1.0
    during_s = begin_s - quiet.run(CANDIDATE, plan).load_s + 0.1
    assert 2.0 < _slowest(late, quiet, plan, during_s) <= 10.0 + 1e-6


def _slowest(
    one: SimulatedMeasurer, other: SimulatedMeasurer, plan: ReplayPlan, at_s: float
) -> float:
    """The most that a turn takes longer with `one`, both measuring from `at_s` on."""
    found = []
    for of in (one, other):
        of.clock.advance(at_s - of.clock.now())
        found.append(measured(of, plan, arm=f"at {at_s}")[0].records)
    pairs = zip(*found, strict=True)
    return max((a.wall_s or 0.0) / (b.wall_s or 1.0) for a, b in pairs)


def test_two_agents_at_once_wait_for_each_other(plan: ReplayPlan) -> None:
    both = replace(plan, concurrency=2, digest="two")
    alone, _ = measured(measurer(), plan)
    together, _ = measured(measurer(), both)
    assert together.seconds.replay_s < alone.seconds.replay_s
    waits = zip(alone.records, together.records, strict=True)
    assert all((b.ttft_s or 0.0) >= (a.ttft_s or 0.0) - 1e-9 for a, b in waits)
