"""A rung ahead of the plan on the real llama-server: begun in the middle of sessions, and apart."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.launchers.registry import make_launcher
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import ahead_of, make_plan
from autotune.search.climb import split
from autotune.search.rungs import DEEP, rungs_of
from autotune.trial.measurement import Measurement
from autotune.trial.real import RealMeasurer
from autotune.workload.model import Workload
from autotune.workload.synthesize import SynthesisSpec, synthesize

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def plan() -> ReplayPlan:
    """Two sessions of ten turns to 3,000 tokens, one after the other."""
    spec = SynthesisSpec(sessions=2, turns=10, start_depth=1000, depth=3_000, reply_tokens=48)
    return make_plan(
        Workload(tuple(synthesize(spec)), "sha256:x"),
        history=History.CLOSED_LOOP,
        order=Order.SEQUENTIAL,
        concurrency=1,
        max_output_tokens=None,
        default_output_tokens=48,
    )


def measured(folder: Path, engine: Path, model: Path, target: ReplayPlan, arm: str) -> Measurement:
    measurer = RealMeasurer(
        launcher=make_launcher("llama-server", engine_path=engine),
        model=model,
        logs_dir=folder / "logs",
        work_dir=folder / "work",
        seed=0,
        mark="the same",
    )
    settings = {"ctx-size": 8192, "parallel": 1, "cache-ram": 512}
    return measurer.measure(Candidate(settings), target, arm=arm, block=0, sink=lambda _: None)


def test_the_rung_is_primed_once_and_the_plan_finds_nothing_of_it(
    plan: ReplayPlan, tmp_path: Path, llama_server: Path, deep_model: Path
) -> None:
    deep = next(rung for rung in rungs_of(plan) if rung.name == DEEP)
    target = ahead_of(deep.plan, plan)
    both = measured(tmp_path, llama_server, deep_model, target, "both")
    assert both.failure is None
    ahead = both.records[: target.probe_turns]
    for record in ahead:
        is_scored = (record.session_id, record.turn) in deep.scored
        reused = (record.cached_tokens or 0) / (record.depth_tokens or 1)
        # A first turn pays for all before it; the ones after it find that.
        assert (reused > 0.5) is is_scored, (record.session_id, record.turn, reused)
    own = split(both, plan, target)
    assert own.whole
    firsts = {r.session_id: r for r in reversed(own.records)}
    # What a first turn may share with the rung is the template, the nonce and what tools render.
    assert (firsts[plan.session_ids[0]].cached_tokens or 0) < 100
    alone = measured(tmp_path, llama_server, deep_model, plan, "alone")
    # And what every turn of the plan finds in the cache is what it finds without the rung, but for
    # the template, the nonce, and replies that another state of the engine rounds otherwise.
    for with_rung, without in zip(own.records, alone.records, strict=True):
        assert with_rung.cached_tokens == pytest.approx(without.cached_tokens, abs=64)
        assert with_rung.depth_tokens == pytest.approx(without.depth_tokens, abs=16)
    ratios = [
        math.log((a.ttft_s or 1.0) / (b.ttft_s or 1.0))
        for a, b in zip(own.records, alone.records, strict=True)
    ]
    shares = {
        "ahead_s": sum(r.wall_s or 0.0 for r in ahead),
        "plan_s": sum(r.wall_s or 0.0 for r in own.records),
        "load_s": both.seconds.load_s,
        "ttft_with_over_without": math.exp(statistics.median(ratios)),
    }
    print(json.dumps(shares))
