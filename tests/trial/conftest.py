"""A plan that is long enough to fail in the middle of."""

from __future__ import annotations

import pytest

from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.workload.load import workload_of
from autotune.workload.synthesize import SynthesisSpec, synthesize


@pytest.fixture(scope="session")
def plan() -> ReplayPlan:
    """Two sessions of three turns, 1200 to 1800 tokens deep, four tokens a reply."""
    spec = SynthesisSpec(sessions=2, turns=3, start_depth=1200, depth=1800, reply_tokens=16)
    return make_plan(
        workload_of(synthesize(spec)),
        history=History.CLOSED_LOOP,
        order=Order.INTERLEAVED,
        concurrency=1,
        max_output_tokens=4,
        default_output_tokens=4,
    )
