from __future__ import annotations

import pytest
from analytic_setup import OPTIMUM, WORTH, analytic_setup, seconds_of

from autotune.search.space import Parameter
from autotune.simulated.machines import simulated_setup
from autotune.strategies.polyserve import (
    MOST_COMBINATIONS,
    Change,
    Tried,
    polyserve,
    ranked,
    stage_of,
    summed_changes,
)
from autotune.strategies.seam import Asked


def tried(value: float, extras: int = 0) -> Tried:
    return Tried({"at": value}, value, extras)


def test_within_two_percent_the_fewest_extras_lead() -> None:
    order = ranked(
        [tried(1.0, extras=3), tried(1.019, extras=1), tried(1.03), tried(1.01, extras=2)]
    )
    assert [(t.value, t.extras) for t in order] == [(1.019, 1), (1.01, 2), (1.0, 3), (1.03, 0)]


def test_changes_are_summed_best_first_one_of_each_stage() -> None:
    changes = [
        Change("kv", {"k": 1}, 0.10),
        Change("kv", {"k": 2}, 0.02),
        Change("kv", {"k": 3}, 0.01),
        Change("spec", {"s": 1}, 0.05),
        Change("prefix", {"p": 1}, -0.04),
        Change("prefix", {"p": 2}, -0.06),
    ]
    sums = summed_changes(changes)
    assert sums[0] == {"k": 1, "s": 1}
    assert {"k": 3} not in sums  # two of a stage are kept
    assert all("p" not in s or s["p"] == 1 for s in sums)  # what lost more than 5% is not
    assert len(sums) == 3 * 2 * 2 - 1


@pytest.mark.parametrize(
    ("name", "concept", "stage"),
    [
        ("cache-type-k", "quantization", "kv"),
        ("quantization", "quantization", "quant"),
        ("n-gpu-layers", "offload", "memory"),
        ("ctx-size", "context length", "memory"),
        ("parallel", "cache slots", "batch"),
        ("ubatch-size", "batch size", "prefill"),
        ("cache-reuse", "cache slots", "prefix"),
        ("spec-type", "speculation", "spec"),
        ("threads", "threads", "other"),
    ],
)
def test_every_flag_has_a_stage(name: str, concept: str, stage: str) -> None:
    assert stage_of(Parameter(name, (1, 2), 1, concept)) == stage


@pytest.mark.parametrize(
    ("machine", "stages"),
    [
        ("3090-qwen-27b", {"batch", "prefill", "kv", "prefix", "spec", "memory"}),
        ("2-cores-vllm", {"batch", "prefill", "prefix"}),
    ],
)
def test_the_flags_that_name_a_stage_are_in_the_shipped_spaces(
    machine: str, stages: set[str]
) -> None:
    assert stages <= {stage_of(p) for p in simulated_setup(machine).space.parameters}


def test_it_finds_the_optimum_of_flags_that_do_not_act_on_each_other() -> None:
    setup = analytic_setup()
    found = list(polyserve(setup, Asked(budget_s=1e9, seed=0)))
    assert seconds_of(found[-1].settings) == OPTIMUM / WORTH
    assert found[-1].is_final
    # Stages do not repeat what is known: the confirmation alone measures again.
    assert len(setup.analytic.launches) <= 1 + 1 + 3 + 3 + 3 + MOST_COMBINATIONS + 3


def test_no_trial_is_begun_that_a_typical_one_would_not_end() -> None:
    setup = analytic_setup()
    found = list(polyserve(setup, Asked(budget_s=130.0, seed=0)))
    assert setup.clock.now() <= 130.0
    assert found[-1].engine_s <= 130.0
