"""The context an engine is given, and what a workload fills its caches with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from formula import plan_of
from hf_folder import write_config

from autotune.models.estimate import GIB
from autotune.models.metadata import read_model
from autotune.replay.endpoint import Rendering
from autotune.search.feasibility import Demand, Feasibility, Limits
from autotune.search.layout import context_symbols, default_that_fits, demand_of
from autotune.search.space import Parameter, Space
from autotune.trial.survey import Survey


@pytest.mark.parametrize(
    ("engine", "flag"), [("vllm", "max-model-len"), ("sglang", "context-length")]
)
@pytest.mark.parametrize(("free_gib", "default"), [(1, 4194304), (2, 16 * 2**20)])
def test_a_default_context_that_cannot_fit_gives_way(
    tmp_path: Path, engine: str, flag: str, free_gib: int, default: int
) -> None:
    """128 bytes a token: 16 Mi tokens, what the model was trained for, are 2 GiB of KV cache."""
    model = replace(read_model(write_config(tmp_path)), weights_bytes=0, n_ctx_train=16 * 2**20)
    symbols = context_symbols(4194304, model.n_ctx_train)
    choices = (symbols["context-needed"], symbols["context-roomy"])
    context = Parameter(flag, (*choices, symbols["context-default"]), 16 * 2**20, "context length")
    other = Parameter("other", (1, 2), 1, "batch size")
    space = Space(engine, (context, other))
    checked = Feasibility(space, model, Limits(free_gib * GIB, None), gpu=True)
    fitted = default_that_fits(space, checked, symbols)
    assert fitted.parameter(flag).default == default
    assert fitted.parameter(flag).choices[:2] == choices
    assert fitted.parameter("other") == other


def test_what_a_workload_fills_caches_with() -> None:
    plan = plan_of(sessions=2, turns=3)  # replies of 10 tokens
    depths = {("s0", 0): 100, ("s0", 1): 300, ("s0", 2): 200}
    depths |= {("s1", turn): 50 * turn for turn in range(3)}
    assert demand_of(plan, Survey(depths, Rendering.NATIVE)) == Demand((310, 110), turns=3)
