"""The whole replay against real servers: the reference engine, and the fake one's faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.records import TurnRecord
from autotune.replay.driver import check_cache_arm, replay, warm_up
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.nonce import make_nonce, with_nonce
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.replay.probe import probe_rendering
from autotune.workload.model import Session, Workload

Make = Callable[..., Session]
StopLater = Callable[[Server], Server]


def plan(*sessions: Session, history: History = History.CLOSED_LOOP) -> ReplayPlan:
    return make_plan(
        Workload(sessions, "d"),
        history=history,
        order=Order.INTERLEAVED,
        concurrency=1,
        max_output_tokens=None,
        default_output_tokens=4,
    )


def endpoint_of(launcher: Launcher, server: Server, **fields: Any) -> Endpoint:
    arm = fields.pop("arm", CacheArm.ON)
    return Endpoint(
        base_url=server.base_url,
        model_name=launcher.model_name,
        request_fields=lambda tokens: launcher.request_fields(arm, tokens),
        alive=lambda: server.process.poll() is None,
        **fields,
    )


def run(made: ReplayPlan, endpoint: Endpoint, arm: str = "t") -> list[TurnRecord]:
    nonce = make_nonce(1, arm, 0)
    return replay(made, endpoint, arm=arm, block=0, nonce=nonce, sink=lambda record: None)


@pytest.fixture
def faulty(
    fake_launcher: Callable[..., Launcher],
    fake_model: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: StopLater,
) -> Callable[..., Endpoint]:
    """``faulty("die-mid-stream=2", arm=...)``: an endpoint of a fake engine with faults."""

    def start(*faults: str, **fields: Any) -> Endpoint:
        launcher = fake_launcher(*faults)
        server = stop_later(launch(launcher, Candidate(), launch_context(fake_model)))
        return endpoint_of(launcher, server, **fields)

    return start


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("die-mid-stream=1", "crash"),
        ("close-mid-stream=1", "bad-reply"),
        ("error-mid-stream=1", "context-overflow"),
        ("hang-mid-stream=1", "hang"),
        ("hang-first-token=1", "hang"),
        ("no-finish=1", "bad-reply"),
        ("status-500=1", "bad-reply"),
        ("wrong-length=1", "wrong-length"),
    ],
)
def test_a_fault_is_named_and_the_turns_before_it_are_kept(
    faulty: Callable[..., Endpoint], make_session: Make, fault: str, failure: str
) -> None:
    limits = {"hang-first-token=1": {"first_token_timeout_s": 2.0}}
    limits |= {"hang-mid-stream=1": {"idle_timeout_s": 1.0}}
    records = run(plan(make_session("a", 3)), faulty(fault, **limits.get(fault, {})))
    assert [r.failure for r in records] == [None, failure, "unreached"]


def test_the_fake_engine_reuses_what_it_said_itself(
    faulty: Callable[..., Endpoint], make_session: Make
) -> None:
    records = run(plan(make_session("a", 3)), faulty())
    assert all(r.ok for r in records)
    reused = [r.cached_tokens or 0 for r in records[1:]]
    before = [(r.depth_tokens or 0) + 4 for r in records[:-1]]
    # All of the prompt before, its reply, and nothing of what came after.
    assert all(a >= b for a, b in zip(reused, before, strict=True))
    assert check_cache_arm(records, "on") is None


def test_the_cold_arm_reuses_nothing_and_a_cheat_is_caught(
    faulty: Callable[..., Endpoint], make_session: Make
) -> None:
    cold = run(plan(make_session("a", 2)), faulty(arm=CacheArm.OFF))
    assert [r.cached_tokens for r in cold] == [0, 0]
    assert check_cache_arm(cold, "off") is None
    cheat = run(plan(make_session("a", 2)), faulty("cached-in-cold", arm=CacheArm.OFF))
    assert "although the cache is off" in str(check_cache_arm(cheat, "off"))


def test_a_template_that_refuses_tools_is_met_by_plain(
    fake_launcher: Callable[..., Launcher],
    fake_model: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: StopLater,
    make_session: Make,
) -> None:
    launcher = fake_launcher("refuse-tools")
    server = stop_later(launch(launcher, Candidate(), launch_context(fake_model)))
    made = plan(make_session("a", 3))
    rendering, notes = probe_rendering(
        lambda messages, tools: launcher.count_tokens(server, messages, tools), made
    )
    assert rendering is Rendering.PLAIN
    assert "unknown role tool" in notes[0]
    assert all(r.ok for r in run(made, endpoint_of(launcher, server, rendering=rendering)))


@pytest.fixture
def reference(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: StopLater,
) -> tuple[Launcher, Server]:
    """The reference engine with one slot of 2048 tokens."""
    settings = {"ctx-size": 2048, "parallel": 1, "threads": 1}
    context = launch_context(smollm2)
    return reference_launcher, stop_later(launch(reference_launcher, Candidate(settings), context))


def test_the_reference_engine_end_to_end(
    reference: tuple[Launcher, Server], make_session: Make
) -> None:
    launcher, server = reference

    def count(messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]) -> int | None:
        return launcher.count_tokens(server, messages, tools)

    made = plan(make_session("a", 3, tools=({"type": "function", "function": {"name": "read"}},)))
    rendering, _ = probe_rendering(count, made)
    assert rendering is Rendering.PLAIN  # this model's template leaves tools out
    _every_nonce_costs_the_same(count)
    endpoint = endpoint_of(launcher, server, rendering=rendering)
    assert warm_up(endpoint).failure is None
    warm = run(made, endpoint, "warm")
    assert [r.failure for r in warm] == [None] * 3
    assert [r.output_tokens for r in warm] == [4, 4, 4]
    for before, after in pairwise(warm):
        _extends(before, after)
    cold = run(made, endpoint_of(launcher, server, rendering=rendering, arm=CacheArm.OFF), "cold")
    assert [r.cached_tokens for r in cold] == [0, 0, 0]
    assert cold[0].depth_tokens == warm[0].depth_tokens


def _extends(before: TurnRecord, after: TurnRecord) -> None:
    """The engine reused the whole prompt before, and its own timings agree with ours."""
    assert before.depth_tokens is not None
    assert after.cached_tokens is not None
    assert after.depth_tokens is not None
    assert after.computed_tokens == after.depth_tokens - after.cached_tokens
    assert before.depth_tokens - 2 <= after.cached_tokens < after.depth_tokens
    assert after.ttft_s is not None
    assert after.server_prefill_s is not None
    assert after.ttft_s > after.server_prefill_s > 0


def _every_nonce_costs_the_same(count: Callable[..., int | None]) -> None:
    prompt = ({"role": "system", "content": "be good"},)
    marks = [make_nonce(1, f"trial-{number}", 0) for number in range(12)]
    assert len({count(with_nonce(prompt, mark), ()) for mark in marks}) == 1


def test_a_prompt_beyond_the_context_is_an_overflow(
    reference: tuple[Launcher, Server], make_session: Make
) -> None:
    launcher, server = reference
    session = make_session("a" * 9000, 2)
    records = run(plan(session), endpoint_of(launcher, server))
    assert [r.failure for r in records] == ["context-overflow", "unreached"]
    assert "exceed_context_size_error" in str(records[0].detail)
