"""Nights on disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from autotune.errors import MachineError, UserError
from autotune.nightly.night_record import Night
from autotune.nightly.nights import Nights, stamp_of
from autotune.nightly.summary import night_markdown


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights.of(tmp_path / "nightly" / "coder")


def test_stamps_are_utc_and_sort_by_time() -> None:
    there = datetime(2026, 11, 23, 2, 30, tzinfo=timezone(timedelta(hours=5)))
    assert stamp_of(there) == "2026-11-22T21-30-00Z"
    assert stamp_of(there) < stamp_of(datetime(2026, 11, 22, 21, 30, 1, tzinfo=UTC))


def test_a_night_is_kept_for_programs_and_people(nights: Nights, full_night: Night) -> None:
    assert nights.stamps() == ()
    assert nights.last() is None
    page = nights.write(full_night)
    assert page == nights.folder / "2026-11-23T02-30-11Z" / "night.md"
    assert page.read_text() == night_markdown(full_night)
    assert nights.read(full_night.stamp) == full_night
    assert nights.last() == full_night


def test_the_newest_is_first_and_strangers_are_passed(
    nights: Nights, make_night: Callable[..., Night]
) -> None:
    for day in (1, 0, 2):
        nights.write(make_night(day))
    (nights.folder / "notes").mkdir()
    (nights.folder / "2026-12-01T00-00-00Z").mkdir()  # begun, and never written
    assert [night.stamp[:10] for night in nights.newest_first()] == [
        "2026-11-25",
        "2026-11-24",
        "2026-11-23",
    ]


def test_a_night_is_found_by_how_it_begins(
    nights: Nights, make_night: Callable[..., Night]
) -> None:
    with pytest.raises(UserError, match="there is no night last") as caught:
        nights.find("last")
    assert caught.value.hint == "none was kept yet"
    for day in (0, 1):
        nights.write(make_night(day))
    assert nights.find("last") == nights.find("2026-11-24") == "2026-11-24T02-30-11Z"
    with pytest.raises(UserError, match="2026-11 are 2 nights"):
        nights.find("2026-11")
    with pytest.raises(UserError, match="there is no night 2025"):
        nights.find("2025")


def test_what_cannot_be_read_is_told(nights: Nights, full_night: Night) -> None:
    with pytest.raises(UserError, match="there is no night 2026"):
        nights.read(full_night.stamp)
    nights.write(full_night)
    (nights.path(full_night.stamp) / "night.json").write_text("{")
    with pytest.raises(MachineError, match="is damaged"):
        nights.last()
