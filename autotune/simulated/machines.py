"""A combination ready to be searched: space, plans, judge, feasibility and measurer.

    setup = simulated_setup("3090-qwen-27b", seed=7, noise="shared")
    budget = Budget(limit_s=7200, ..., clock=setup.clock, started_s=setup.clock())

The first six fields are the tuple that every setup is, recorded ones too: ``space, search_plan,
confirm_plan, judge, feasibility, measurer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import ceil
from typing import Any, NamedTuple

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.hardware.profile_file import shipped_files
from autotune.models.estimate import Demand, Limits
from autotune.models.info import ModelInfo
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.replay.planning import subset
from autotune.scoring.objective import Objective
from autotune.search.feasibility import Feasibility
from autotune.search.holdout import split_sessions
from autotune.search.judge import Judge, TurnKey
from autotune.search.layout import (
    MIN_TURNS_AT_DEPTH,
    PAD_TOKENS,
    context_symbols,
    default_that_fits,
)
from autotune.search.space import Space
from autotune.search.space_build import build_space
from autotune.search.space_circumstances import circumstances, model_symbols
from autotune.search.space_file import shipped_overlay, shipped_space
from autotune.simulated.combinations import COMBINATIONS, Combination
from autotune.simulated.faults import NO_FAULTS, Faults
from autotune.simulated.known_runs import KnownRuns
from autotune.simulated.label import KEY
from autotune.simulated.llama import LlamaServer
from autotune.simulated.measurer import SimulatedMeasurer
from autotune.simulated.models import SimulatedModel, simulated_model
from autotune.simulated.noise import Noise, noise_named
from autotune.simulated.prompts import plan_shape
from autotune.simulated.served import Engine
from autotune.simulated.vllm import Vllm
from autotune.simulated.workloads import whole_plan
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock
from autotune.workload.depth import DepthBuckets, DepthRange

__all__ = ["COMBINATIONS", "SimulatedClock", "SimulatedSetup", "provenance", "simulated_setup"]

SimulatedClock = VirtualClock
"""Engine-seconds: ``clock()`` and ``clock.now()`` are what all measurements of a setup took."""

HEADROOM = 0.1
"""Over the deepest turn, as a run's default."""


class SimulatedSetup(NamedTuple):
    """What a strategy is given. Unpacks as the first six; `clock` is the measurer's.

    Attributes:
        space: the engine's shipped space on this GPU, flags that change quality among them.
        search_plan, confirm_plan: of different sessions of the same agents.
        judge: seconds per turn at the deepest bucket; it scores both plans.
        feasibility: what would not fit is refused; it learns, so every setup has its own.
        measurer: moves `clock` on by what each measurement takes.
        combination: what it is of.
    """

    space: Space
    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    judge: Judge
    feasibility: Feasibility
    measurer: ClockedMeasurer
    clock: VirtualClock
    combination: Combination


def simulated_setup(
    name: str,
    seed: int = 0,
    noise: str | Noise = "shared",
    *,
    faults: Faults = NO_FAULTS,
    objective: Objective = Objective.TURN,
) -> SimulatedSetup:
    """The combination called `name`, ready to be searched; the same for the same arguments.

    `seed` is of noise and faults: space, plans and what each config is worth without noise are the
    same for all seeds. Raises `UserError` for an unknown name or noise.
    """
    if name not in COMBINATIONS:
        raise UserError(
            f"no simulated machine is called {name!r}", f"choose one of {', '.join(COMBINATIONS)}"
        )
    combination = COMBINATIONS[name]
    fixed = _fixed(name)
    clock = VirtualClock()
    simulated = SimulatedMeasurer(
        engine=fixed.engine,
        noise=noise_named(noise),
        seed=seed,
        clock=clock,
        faults=faults,
        known=fixed.known,
    )
    return SimulatedSetup(
        space=fixed.space,
        search_plan=fixed.search_plan,
        confirm_plan=fixed.confirm_plan,
        judge=Judge(objective, fixed.at_depth),
        feasibility=feasibility_of(combination, fixed.space, fixed.engine_model, fixed.demand),
        measurer=ClockedMeasurer(simulated, clock),
        clock=clock,
        combination=combination,
    )


def provenance(name: str, seed: int) -> dict[str, Any]:
    """What a study's ``provenance.json`` says of a simulated setup: no export takes it."""
    combination = COMBINATIONS[name]
    return {
        KEY: True,
        "engine": combination.engine,
        "engine_path": "",
        "engine_version": "simulated",
        "model_path": str(simulated_model(combination.shape).info.path),
        "gpu": "simulated",
        "gpu_name": f"{combination.machine.title} (simulated)",
        "workload": "synthetic",
        "seed": seed,
    }


class _Fixed(NamedTuple):
    """What no seed changes."""

    space: Space
    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    at_depth: frozenset[TurnKey]
    demand: Demand
    engine: Engine
    engine_model: SimulatedModel
    known: KnownRuns


@cache
def _fixed(name: str) -> _Fixed:
    combination = COMBINATIONS[name]
    model = simulated_model(combination.shape)
    plan = whole_plan(combination.work)
    depths = plan_depths(plan)
    search_ids, confirm_ids = split_sessions(_deepest(plan, depths), combination.work.seed)
    search_plan, confirm_plan = subset(plan, search_ids), subset(plan, confirm_ids)
    demand = _demand(plan, depths)
    symbols = _symbols(combination, model.info, demand)
    space = _space(combination, model.info, symbols)
    feasibility = feasibility_of(combination, space, model, demand)
    space = default_that_fits(space, feasibility, symbols)
    bucket = _bucket(search_plan, depths)
    return _Fixed(
        space=space,
        search_plan=search_plan,
        confirm_plan=confirm_plan,
        at_depth=frozenset(key for key, depth in depths.items() if depth in bucket),
        demand=demand,
        engine=engine_of(combination, model),
        engine_model=model,
        known=KnownRuns(),
    )


def engine_of(combination: Combination, model: SimulatedModel) -> Engine:
    """The engine of `combination`. Raises `UserError` for one that is not simulated."""
    if combination.engine == "llama-server":
        beside = combination.beside_bytes
        return LlamaServer(combination.machine, model, combination.pace, beside)
    if combination.engine == "vllm":
        fp8 = bool(_facts_fp8(combination))
        return Vllm(combination.machine, model, combination.pace, fp8, combination.troubles)
    raise UserError(f"engine {combination.engine!r} is not simulated", "use llama-server or vllm")


def _facts_fp8(combination: Combination) -> bool | None:
    facts = shipped_files()[combination.machine.profile].facts
    return None if facts is None else facts.fp8


def feasibility_of(
    combination: Combination, space: Space, model: SimulatedModel, demand: Demand
) -> Feasibility:
    """What is known before a launch: sizes, not what the driver and the kernels take besides."""
    return Feasibility(
        space, model.info, limits_of(combination), gpu=combination.machine.gpu, demand=demand
    )


def limits_of(combination: Combination) -> Limits:
    """The memory of the machine, as a run would read it before it launches anything."""
    machine = combination.machine
    host = int(machine.host_bytes * 0.9)
    if not machine.gpu:
        return Limits(device_bytes=None, host_bytes=int(machine.memory_bytes * 0.9))
    if machine.unified:
        both = int(machine.memory_bytes * 0.9)
        return Limits(device_bytes=None, host_bytes=None, both_bytes=both)
    total = machine.memory_bytes
    return Limits(device_bytes=total, host_bytes=host, device_total_bytes=total)


def plan_depths(plan: ReplayPlan) -> dict[TurnKey, int]:
    """Prompt tokens of every turn, as the simulated engine counts them."""
    prompts = plan_shape(plan).prompts
    return {_key(prompt.planned): prompt.tokens for prompt in prompts}


def _key(planned: PlannedTurn) -> TurnKey:
    return (planned.turn.session_id, planned.turn.index)


def _deepest(plan: ReplayPlan, depths: Mapping[TurnKey, int]) -> dict[str, int]:
    return {
        session: max(depths[_key(p)] for p in plan.turns if p.turn.session_id == session)
        for session in plan.session_ids
    }


def _demand(plan: ReplayPlan, depths: Mapping[TurnKey, int]) -> Demand:
    whole: dict[str, int] = {}
    turns: dict[str, int] = {}
    for planned in plan.turns:
        session = planned.turn.session_id
        tokens = depths[_key(planned)] + planned.output_tokens
        whole[session] = max(whole.get(session, 0), tokens)
        turns[session] = turns.get(session, 0) + 1
    return Demand(tuple(whole.values()), max(turns.values()))


def _symbols(combination: Combination, info: ModelInfo, demand: Demand) -> Mapping[str, Setting]:
    machine = combination.machine
    needed = ceil(max(demand.session_tokens) * (1 + HEADROOM))
    padded = min(-(-needed // PAD_TOKENS) * PAD_TOKENS, info.n_ctx_train)
    return {
        "physical-cores": machine.cores,
        "logical-cores": machine.threads,
        "half-cores": max(1, machine.cores // 2),
        **context_symbols(padded, info.n_ctx_train),
    }


def _space(combination: Combination, info: ModelInfo, symbols: Mapping[str, Setting]) -> Space:
    machine, file = combination.machine, shipped_space(combination.engine)
    device = machine.memory_bytes if machine.gpu and not machine.unified else None
    return build_space(
        file,
        shipped_overlay(combination.engine, machine.profile),
        {**symbols, **model_symbols(info)},
        pins=combination.pins,
        allow_quality_change=True,
        rolling_state=not info.can_roll_back,
        circumstances=circumstances(info, file, combination.pins, device),
    )


def _bucket(plan: ReplayPlan, depths: Mapping[TurnKey, int]) -> DepthRange:
    """The deepest bucket with enough turns, as a run chooses it."""
    own = [depths[_key(p)] for p in plan.turns if p.turn.boundary is None]
    for bucket in reversed(DepthBuckets().ranges):
        if sum(depth in bucket for depth in own) >= MIN_TURNS_AT_DEPTH:
            return bucket
    return DepthRange(0)
