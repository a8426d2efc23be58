"""A plan replayed against a real server: order, history, failures, stopping."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autotune.records import TurnRecord
from autotune.replay.driver import replay, warm_up
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.workload.model import Boundary, Session, Workload

Make = Callable[..., Session]
Replay = Callable[..., list[TurnRecord]]


def plan(*sessions: Session, **options: Any) -> ReplayPlan:
    defaults: dict[str, Any] = {
        "history": History.CLOSED_LOOP,
        "order": Order.INTERLEAVED,
        "concurrency": 1,
        "max_output_tokens": None,
        "default_output_tokens": 2,
    }
    return make_plan(Workload(sessions, "d"), **{**defaults, **options})


@pytest.fixture
def run(endpoint: Callable[..., Endpoint]) -> Replay:
    """``run(plan, **options)``: replay against the scripted server."""

    def call(made: ReplayPlan, endpoint_fields: Any = None, **options: Any) -> list[TurnRecord]:
        defaults: dict[str, Any] = {
            "arm": "trial-0001",
            "block": 3,
            "nonce": "",
            "sink": lambda record: None,
        }
        target = endpoint(**(endpoint_fields or {}))
        return replay(made, target, **{**defaults, **options})

    return call


def last_words(bodies: list[dict[str, Any]]) -> list[str]:
    """The content of the user message that names the session."""
    return [body["messages"][1]["content"] for body in bodies]


def test_one_at_a_time_is_strictly_the_plans_order(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    seen: list[TurnRecord] = []
    made = plan(make_session("a", 3), make_session("b", 2))
    records = run(made, sink=seen.append)
    assert last_words(server.bodies) == ["task a", "task b", "task a", "task b", "task a"]
    assert records == seen
    assert [r.order for r in records] == [0, 1, 2, 3, 4]
    first = records[0]
    assert (first.arm, first.block, first.session_id, first.turn) == ("trial-0001", 3, "a", 0)
    assert (first.asked_output_tokens, first.output_tokens, first.ok) == (2, 2, True)
    assert TurnRecord.from_json(first.to_json()) == first


def test_closed_loop_sends_back_what_this_engine_said(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("mine ", "0"), wire.reply("mine ", "1"), wire.reply("mine ", "2"))
    run(plan(make_session("a", 3)))
    replies = [m["content"] for m in server.bodies[2]["messages"] if m["role"] == "assistant"]
    assert replies == ["mine 0", "mine 1"]
    assert server.bodies[0]["max_tokens"] == 2


def test_recorded_history_sends_the_captures_bytes(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    session = make_session("a", 2)
    run(plan(session, history=History.RECORDED))
    assert server.bodies[1]["messages"] == list(session.turns[1].messages)
    assert b'"arguments":"{\\"path\\": \\"f0.py\\"}"' in server.raw[1]


def test_nonce_and_rendering_reach_the_wire(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    made = plan(make_session("a", 2), history=History.RECORDED)
    run(made, {"rendering": Rendering.PLAIN}, nonce="1 2 3")
    messages = server.bodies[1]["messages"]
    assert messages[0]["content"] == "1 2 3\n\nbe good"
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]


def test_a_failed_turn_leaves_the_rest_of_its_session_unreached(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    def answer(body: dict[str, Any]) -> list[Any]:
        is_a = body["messages"][1]["content"] == "task a"
        error = wire.event({"error": {"message": "exceeds the context size"}})
        return [error] if is_a else wire.reply("x", "y")

    server.answer = answer
    records = run(plan(make_session("a", 3), make_session("b", 2)))
    failures = {(r.session_id, r.turn): r.failure for r in records}
    assert failures == {
        ("a", 0): "context-overflow",
        ("a", 1): "unreached",
        ("a", 2): "unreached",
        ("b", 0): None,
        ("b", 1): None,
    }
    assert records[2].detail == "after context-overflow in session a"
    assert len(server.bodies) == 3


def test_a_crash_leaves_everything_unreached(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"), [wire.delta(content="x"), wire.CLOSE])
    made = plan(make_session("a", 2), make_session("b", 2))
    records = run(made, {"alive": lambda: False})
    assert [r.failure for r in records] == [None, "crash", "unreached", "unreached"]


def test_stopping_leaves_no_record_of_what_was_not_sent(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    seen: list[TurnRecord] = []
    made = plan(make_session("a", 4))
    records = run(made, sink=seen.append, should_stop=lambda: len(seen) == 2)
    assert [r.turn for r in records] == [0, 1]
    assert len(server.bodies) == 2


def test_sessions_run_side_by_side_and_never_overlap_themselves(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    meeting = threading.Barrier(2, timeout=20)
    pairs: list[str] = []
    answer = server.next

    def met(body: bytes, headers: dict[str, str]) -> Any:
        meeting.wait()  # two requests are in flight at once, or this test fails
        pairs.append(json.loads(body)["messages"][1]["content"])
        meeting.wait()
        return answer(body, headers)

    server.next = met
    records = run(plan(make_session("a", 3), make_session("b", 3), concurrency=2))
    assert len(records) == 6
    assert all(r.ok for r in records)
    assert [r.order for r in records] == list(range(6))
    assert [set(pairs[at : at + 2]) for at in (0, 2, 4)] == [{"task a", "task b"}] * 3


def test_an_error_of_the_sink_comes_out_of_every_thread(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))

    def full(record: TurnRecord) -> None:
        raise OSError(28, "No space left on device")

    for concurrency in (1, 2):
        made = plan(make_session("a", 2), make_session("b", 2), concurrency=concurrency)
        with pytest.raises(OSError, match="No space left"):
            run(made, sink=full)


def test_recorded_idle_times_are_waited_for_up_to_the_cap(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    session = make_session("a", 2)
    slow = Session("a", (session.turns[0], replace(session.turns[1], delay_ms=60_000.0)))
    first, second = run(plan(slow), think_time_cap_s=0.05)
    assert first.wall_s is not None
    assert second.started_at > first.started_at
    apart_s = _seconds(second.started_at) - _seconds(first.started_at)
    assert apart_s >= 0.05


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


def test_a_boundary_is_kept_in_the_record(
    server: Any, wire: Any, run: Replay, make_session: Make
) -> None:
    server.serve(wire.reply("x", "y"))
    (turn,) = make_session("a", 1).turns
    (record,) = run(plan(Session("a", (replace(turn, boundary=Boundary.RESUME),))))
    assert record.boundary == "resume"


def test_warm_up_shares_nothing_with_a_workload(
    server: Any, wire: Any, endpoint: Callable[..., Endpoint]
) -> None:
    server.serve(wire.reply(*"abcdefgh"))
    outcome = warm_up(endpoint())
    assert outcome.failure is None
    (body,) = server.bodies
    assert [m["role"] for m in body["messages"]] == ["user"]
    assert body["max_tokens"] == 8
    server.serve([b'{"error":"no"}'], status=500)
    assert warm_up(endpoint()).failure == "bad-reply"
