"""Waiting for a machine to be idle, until a time of day at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as wall_time

from autotune.nightly.idle import Busy, Idle, IdleRule, Look, idle

WAIT_STEP_S = 60.0


def deadline_after(begun: datetime, deadline: wall_time | None) -> datetime | None:
    """The first such time of day after `begun`, which has a time zone; ``None`` without one.

    A night that begins at 02:30 with a deadline of 06:30 ends that morning, and one that begins at
    23:00 the next.
    """
    if deadline is None:
        return None
    naive = datetime.combine(begun.date(), deadline)
    if naive <= begun.replace(tzinfo=None):
        naive += timedelta(days=1)
    return naive.replace(tzinfo=begun.tzinfo)


def left_s(now: datetime, deadline: datetime | None) -> float | None:
    """Seconds until the deadline, negative beyond it; ``None`` without one."""
    return None if deadline is None else (deadline - now).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The machine's time, local and with its zone, and its sleep."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep


def when_idle(
    look_now: Look,
    rule: IdleRule,
    clock: Clock,
    *,
    need_s: float = 0.0,
    say: Callable[[str], None] = lambda _text: None,
) -> Idle | Busy:
    """Looks until the machine is idle, where the rule is to wait; else once.

    `need_s` is how much time must be left before the deadline for it to be worth beginning. `say`
    is told each new reason why it waits.
    """
    ends = deadline_after(clock.now(), rule.deadline)
    said = None
    while True:
        if (late := _too_late(clock.now(), ends, need_s)) is not None:
            return Busy(late if said is None else f"{late}; until then {said}")
        found = idle(look_now(), rule)
        if isinstance(found, Idle) or rule.when_busy == "skip":
            return found
        if found.reason != said:
            say(f"waiting: {found.reason}")
        said = found.reason
        clock.sleep(WAIT_STEP_S)


def _too_late(now: datetime, ends: datetime | None, need_s: float) -> str | None:
    left = left_s(now, ends)
    if left is None or ends is None or left > max(need_s, 0.0):
        return None
    if left <= 0:
        return f"it is past {ends:%H:%M}"
    return f"only {left / 60:.0f} min are left until {ends:%H:%M}"
