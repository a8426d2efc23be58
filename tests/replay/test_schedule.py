"""Which turn is handed out next."""

from __future__ import annotations

import threading

from autotune.replay.plan import PlannedTurn
from autotune.replay.schedule import Schedule
from autotune.workload.model import Turn


def turns(names: str) -> list[PlannedTurn]:
    """``aab``: two turns of session a, then one of b."""
    return [PlannedTurn(at, Turn(name, at, ()), 1) for at, name in enumerate(names)]


def test_one_taker_gets_the_plans_order() -> None:
    schedule = Schedule(turns("abab"))
    taken = []
    while (planned := schedule.take()) is not None:
        taken.append(planned.order)
        schedule.release(planned)
    assert taken == [0, 1, 2, 3]


def test_a_session_in_flight_is_passed_over() -> None:
    schedule = Schedule(turns("aab"))
    first, second = schedule.take(), schedule.take()
    assert first is not None
    assert second is not None
    assert (first.order, second.order) == (0, 2)
    schedule.release(first)
    third = schedule.take()
    assert third is not None
    assert third.order == 1


def test_a_taker_waits_for_a_session_to_be_free() -> None:
    schedule = Schedule(turns("aa"))
    first = schedule.take()
    assert first is not None
    taken: list[PlannedTurn | None] = []
    thread = threading.Thread(target=lambda: taken.append(schedule.take()))
    thread.start()
    schedule.release(first)
    thread.join(timeout=10)
    assert [p.order for p in taken if p is not None] == [1]


def test_dropped_turns_are_not_handed_out_and_wake_who_waits() -> None:
    schedule = Schedule(turns("aabb"))
    assert schedule.take() is not None
    assert [p.order for p in schedule.drop("a")] == [1]
    assert schedule.take() is not None
    taken: list[PlannedTurn | None] = []
    thread = threading.Thread(target=lambda: taken.append(schedule.take()))
    thread.start()
    assert [p.order for p in schedule.drop()] in ([3], [])
    thread.join(timeout=10)
    assert taken == [None]


def test_nothing_of_the_plan_begins_before_the_probe_has_ended() -> None:
    schedule = Schedule(turns("abcd"), probe_turns=2)
    first, second = schedule.take(), schedule.take()
    assert first is not None
    assert second is not None
    assert (first.order, second.order) == (0, 1)
    schedule.release(second)
    taken: list[PlannedTurn | None] = []
    thread = threading.Thread(target=lambda: taken.append(schedule.take()))
    thread.start()
    assert taken == []
    schedule.release(first)
    thread.join(timeout=10)
    assert [p.order for p in taken if p is not None] == [2]


def test_a_probe_that_is_dropped_holds_nobody_up() -> None:
    schedule = Schedule(turns("aab"), probe_turns=2)
    first = schedule.take()
    assert first is not None
    schedule.drop("a")
    schedule.release(first)
    following = schedule.take()
    assert following is not None
    assert following.order == 2
