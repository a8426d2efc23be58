"""What is to run, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.nightly.schedule.plan import (
    DAYS,
    Plan,
    clock_text,
    days_text,
    next_run,
    parse_at,
    parse_days,
    schedule_name,
)

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("text", "at"), [("02:30", time(2, 30)), (" 7:05 ", time(7, 5))])
def test_a_time_of_day(text: str, at: time) -> None:
    assert parse_at(text) == at
    assert parse_at(clock_text(at)) == at


@pytest.mark.parametrize("text", ["", "2", "24:00", "02:60", "2:5", "02:30:00", "half past two"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(UserError, match="is no time of day") as caught:
        parse_at(text)
    assert "02:30" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "days", "words"),
    [
        ("mon,wed", (0, 2), "mon, wed"),
        ("Wednesday,mon,mon", (0, 2), "mon, wed"),
        ("mon-fri", (0, 1, 2, 3, 4), "mon, tue, wed, thu, fri"),
        ("fri-mon", (0, 4, 5, 6), "mon, fri, sat, sun"),
        ("mon-sun", (), "every night"),
        ("sun-sun", (6,), "sun"),
    ],
)
def test_days_of_the_week(text: str, days: tuple[int, ...], words: str) -> None:
    assert parse_days(text) == days
    assert days_text(days) == words


@pytest.mark.parametrize("text", ["", "mo", "weekdays", "mon-", "mondayish", "mon;tue"])
def test_what_are_no_days(text: str) -> None:
    with pytest.raises(UserError, match="are no days of the week"):
        parse_days(text)


def test_a_plan_is_read_back_as_it_was_written(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan(days=(0, 6), environment={"PATH": "/a:/b", "LANG": "C"})
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_name_is_readable_and_of_one_folder(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "My Tuning!", tmp_path / "b" / "My Tuning!"
    assert schedule_name(one).startswith("my-tuning-")
    assert schedule_name(one) != schedule_name(other)
    assert schedule_name(one) == schedule_name(tmp_path / "a" / "." / "My Tuning!")
    assert schedule_name(tmp_path / "日本").startswith("folder-")


def test_the_next_night_is_today_or_tomorrow(plan: Plan) -> None:
    monday = datetime(2026, 11, 23, 2, 29, tzinfo=UTC)
    assert next_run(plan, monday, UTC) == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    after = monday + timedelta(minutes=1)
    assert next_run(plan, after, UTC) == datetime(2026, 11, 24, 2, 30, tzinfo=UTC)


def test_the_next_night_is_on_one_of_its_days(make_plan: Callable[..., Plan]) -> None:
    monday = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    assert next_run(make_plan(days=(0,)), monday, UTC).isoformat() == "2026-11-30T02:30:00+00:00"
    assert next_run(make_plan(days=(1, 4)), monday, UTC).day == 24


def test_the_clock_is_that_of_the_zone(plan: Plan) -> None:
    before_the_change = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    due = next_run(plan, before_the_change, BERLIN)
    # 02:30 is there twice that night; the first is in summer time.
    assert due.isoformat() == "2026-10-25T02:30:00+02:00"
    winter = next_run(plan, datetime(2026, 10, 26, 0, 0, tzinfo=UTC), BERLIN)
    assert winter.astimezone(UTC).isoformat() == "2026-10-26T01:30:00+00:00"


def test_the_machines_own_zone_is_the_default(plan: Plan) -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    due = next_run(plan, now).astimezone()
    assert (due.hour, due.minute) == (2, 30)
    assert now < due <= now + timedelta(days=1, hours=1)


@given(
    days=st.sets(st.integers(0, 6), max_size=7),
    at=st.times(),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  # UTC below
)
def test_the_next_night_is_within_a_week(days: set[int], at: time, now: datetime) -> None:
    plan = Plan(
        name="x", at=at.replace(second=0, microsecond=0), days=tuple(sorted(days)), limit_s=1,
        command=("x",), folder=Path("/"), environment={}, secrets=Path("/s"), log=Path("/l"),
    )  # fmt: skip
    moment = now.replace(tzinfo=UTC)
    due = next_run(plan, moment, UTC)
    assert moment < due <= moment + timedelta(days=len(DAYS))
    assert not days or due.weekday() in days
