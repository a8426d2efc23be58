"""Waiting for a quiet hour, and not beyond the morning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta, timezone

import pytest

from autotune.nightly.idle import Busy, Idle, IdleRule, Looked
from autotune.nightly.idle_wait import WAIT_STEP_S, Clock, deadline_after, left_s, when_idle

ZONE = timezone(timedelta(hours=2))
HALF_PAST_TWO = datetime(2026, 11, 23, 2, 30, tzinfo=ZONE)


class Night:
    """A clock that a sleep moves on."""

    def __init__(self, begun: datetime = HALF_PAST_TWO) -> None:
        self.now = begun
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self.sleep)


def busy_for(looks: int) -> Callable[[], Looked]:
    """Two reasons in turn for so many looks, then quiet."""
    seen = iter([Looked(requests=1 + n // 2) for n in range(looks)])
    return lambda: next(seen, Looked(requests=0))


@pytest.mark.parametrize(
    ("begun", "deadline", "ends"),
    [
        (HALF_PAST_TWO, time(6, 30), datetime(2026, 11, 23, 6, 30, tzinfo=ZONE)),
        (HALF_PAST_TWO, time(2, 30), datetime(2026, 11, 24, 2, 30, tzinfo=ZONE)),
        (HALF_PAST_TWO.replace(hour=23), time(6, 30), datetime(2026, 11, 24, 6, 30, tzinfo=ZONE)),
        (HALF_PAST_TWO, None, None),
    ],
)
def test_a_deadline_is_the_next_one(
    begun: datetime, deadline: time | None, ends: datetime | None
) -> None:
    assert deadline_after(begun, deadline) == ends


def test_what_is_left_may_be_nothing() -> None:
    ends = datetime(2026, 11, 23, 2, 31, tzinfo=ZONE)
    assert left_s(HALF_PAST_TWO, ends) == 60.0
    assert left_s(ends + timedelta(seconds=5), ends) == -5.0
    assert left_s(HALF_PAST_TWO, None) is None


def test_who_skips_looks_once() -> None:
    night = Night()
    found = when_idle(busy_for(3), IdleRule(when_busy="skip"), night.clock)
    assert found == Busy("the endpoint works on 1 request")
    assert night.slept == []


def test_who_waits_says_each_new_reason_once() -> None:
    night, said = Night(), list[str]()
    found = when_idle(busy_for(4), IdleRule(), night.clock, say=said.append)
    assert isinstance(found, Idle)
    assert night.slept == [WAIT_STEP_S] * 4
    assert said == [
        "waiting: the endpoint works on 1 request",
        "waiting: the endpoint works on 2 requests",
    ]


def test_who_waits_gives_up_at_the_deadline() -> None:
    night = Night()
    found = when_idle(busy_for(999), IdleRule(deadline=time(2, 33)), night.clock)
    assert found == Busy("it is past 02:33; until then the endpoint works on 2 requests")
    assert night.slept == [WAIT_STEP_S] * 3


def test_too_little_time_is_not_begun() -> None:
    rule = IdleRule(deadline=time(3, 0))
    assert when_idle(busy_for(0), rule, Night().clock, need_s=1800.0) == Busy(
        "only 30 min are left until 03:00"
    )
    assert when_idle(busy_for(0), rule, Night().clock, need_s=1799.0) == Idle(
        ("who computes on the GPU", "whether a person is at work")
    )
