"""A config filled on a real process: how deep it gets, what it takes, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.launchers.failure import FailureKind
from autotune.launchers.protocol import Launcher
from autotune.records import TurnRecord
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.scoring.growth import GrowthKind
from autotune.scoring.held import Held, held
from autotune.trial.real import RealMeasurer
from autotune.trial.soak import Soak, Soaked
from autotune.trial.soak_plan import SoakPlan, plan_soak
from autotune.workload.load import workload_of
from autotune.workload.synthesize import SynthesisSpec, synthesize

MIB = 2**20
CONTEXT = 4096


@pytest.fixture(scope="module")
def filling() -> SoakPlan:
    """Two sessions of six turns; the fake engine's tokens are the words of a prompt."""
    spec = SynthesisSpec(sessions=2, turns=6, start_depth=800, depth=2000, reply_tokens=16)
    workload = workload_of(synthesize(spec))
    plan = make_plan(
        workload,
        history=History.CLOSED_LOOP,
        order=Order.INTERLEAVED,
        concurrency=1,
        max_output_tokens=4,
        default_output_tokens=4,
    )
    depths = {
        (p.turn.session_id, p.turn.index): len(str(p.turn.messages).split()) for p in plan.turns
    }
    return plan_soak(
        plan.turns,
        depths,
        history=plan.history,
        concurrency=1,
        headroom=0.5,
        context_tokens=CONTEXT,
    )


Fill = Callable[..., tuple[Soaked, Held]]


@pytest.fixture
def fill(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, filling: SoakPlan
) -> Fill:
    """`fill("leak=1000")`: the soak on a fake engine with these faults, and what it showed."""

    def run(
        *faults: str,
        plan: SoakPlan = filling,
        stop: Callable[[], bool] = lambda: False,
        context: int = CONTEXT,
        time_s: float | None = None,
        seen: list[TurnRecord] | None = None,
    ) -> tuple[Soaked, Held]:
        measurer = RealMeasurer(
            launcher=fake_launcher(*faults),
            model=fake_model,
            logs_dir=tmp_path / "logs",
            work_dir=tmp_path / "work",
            seed=0,
            start_timeout_s=60.0,
        )
        soaked = Soak(
            measurer=measurer,
            candidate=Candidate({"ctx-size": context, "parallel": 1}),
            plan=plan,
            arm="hold-0003-trial-0001",
            sink=([] if seen is None else seen).append,
            stop=stop,
            time_s=time_s,
        ).run()
        failure = soaked.failure
        return soaked, held(
            soaked.records,
            expected=soaked.expected,
            deepest_tokens=plan.deepest_tokens,
            wanted_tokens=plan.wanted_tokens,
            context_tokens=plan.context_tokens,
            failure=failure and (failure.kind.value, failure.message),
        )

    return run


def test_a_healthy_engine_is_filled_to_the_headroom_and_over_four_sessions(fill: Fill) -> None:
    seen: list[TurnRecord] = []
    soaked, one = fill(seen=seen)
    assert soaked.finished
    assert soaked.failure is None
    assert one.holds, one.sentence
    assert abs(one.to_tokens - one.wanted_tokens) <= 0.01 * one.wanted_tokens
    assert (one.sessions, one.turns) == (4, len(seen))
    assert one.growth is not None
    assert one.growth.kind in (GrowthKind.STEADY, GrowthKind.GROWS)
    assert one.free_where == "host"
    assert one.sentence.startswith(f"held to {one.to_tokens:,} tokens over 4 sessions, ")
    assert soaked.effective["ctx-size"] == CONTEXT


def test_turns_follow_on_one_server_each_session_under_its_own_mark(fill: Fill) -> None:
    soaked, _ = fill()
    rounds: dict[int, list[TurnRecord]] = {}
    for record in soaked.records:
        rounds.setdefault(record.block, []).append(record)
    assert sorted(rounds) == [0, 1, 2, 3]
    first = rounds[0]
    assert [r.order for r in first] == list(range(len(first)))
    assert [r.turn for r in first] == list(range(len(first)))
    depths = [r.depth_tokens or 0 for r in first]
    assert depths == sorted(depths)
    # Turn by turn: each finds the one before it, and no session finds an earlier one.
    assert all((r.cached_tokens or 0) > 0.5 * (r.depth_tokens or 0) for r in first[2:])
    # (Tool definitions stand before the mark, and are the same in all of them.)
    assert all(
        (rows[0].cached_tokens or 0) < 0.5 * (rows[0].depth_tokens or 0) for rows in rounds.values()
    )
    assert rounds[1][0].session_id == rounds[3][0].session_id != rounds[2][0].session_id
    memory = [r.machine for r in soaked.records]
    assert all(m and m.rss_peak_bytes and m.host_free_min_bytes for m in memory)
    assert len({r.arm for r in soaked.records}) == 1
    assert not list(soaked.log_path.parent.parent.glob("work/*"))


def test_an_engine_that_fails_past_a_depth_is_found_and_named(fill: Fill) -> None:
    limit = 1450
    soaked, one = fill(f"fail-past={limit}")
    assert soaked.failure is not None
    assert soaked.failure.kind is FailureKind.OUT_OF_MEMORY
    assert not one.holds
    assert one.to_tokens <= limit < (one.failed_at_tokens or 0) <= one.wanted_tokens * 1.02
    assert one.sentence == f"failed at {one.failed_at_tokens:,} tokens: out of memory"


def test_an_engine_that_leaks_is_found_and_named(fill: Fill) -> None:
    _, one = fill(f"leak={4 * MIB}")
    assert one.leaks
    assert one.growth is not None
    assert one.growth.where == "host"
    assert one.growth.bytes_per_turn == pytest.approx(4 * MIB, rel=0.1)
    assert one.growth.free_bytes is not None
    assert one.growth.turns_left == int(one.growth.free_bytes / one.growth.bytes_per_turn)
    assert one.sentence.startswith("leaks 4 MiB a turn: full after about ")
    assert not one.holds


def test_a_context_that_ends_in_the_headroom_is_no_failure(fill: Fill, filling: SoakPlan) -> None:
    # What is not known beforehand, the engine says: its answer ends the first fill.
    unknown = type(filling)(
        **{name: getattr(filling, name) for name in filling.__slots__ if name != "context_tokens"},
        context_tokens=None,
    )
    size = filling.deepest_tokens + 200
    soaked, one = fill(plan=unknown, context=size)
    assert any(r.failure == "context-overflow" for r in soaked.records)
    assert soaked.failure is None
    assert one.holds
    assert not one.has_headroom
    assert one.sessions == 4
    assert "its context ends before the headroom does" in one.sentence


def test_a_stop_between_turns_leaves_it_unfinished(fill: Fill) -> None:
    seen: list[TurnRecord] = []
    soaked, _ = fill(stop=lambda: len(seen) >= 3, seen=seen)
    assert not soaked.finished
    assert len(seen) == 3


def test_without_time_one_session_follows_the_first(fill: Fill) -> None:
    soaked, one = fill(time_s=0.0)
    assert soaked.finished
    assert soaked.short_of_time == 2
    assert one.sessions == 2
    assert "too few turns to tell whether memory grows" in one.sentence


def test_an_engine_that_does_not_start_does_not_hold(fill: Fill) -> None:
    soaked, one = fill("oom-during-load")
    assert soaked.finished
    assert one.sentence == "did not start: out of memory"
