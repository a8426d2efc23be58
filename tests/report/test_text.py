"""Numbers as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.report import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0.000"),
        (0.0421, "0.042"),
        (1.234, "1.23"),
        (45.67, "45.7"),
        (1234.5, "1234"),
        (-0.5, "-0.500"),
    ],
)
def test_three_digits_that_count(value: float | None, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0.2, "0s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (200, "3m 20s"),
        (3599.9, "1h 00m"),
        (7500, "2h 05m"),
        (-3, "0s"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert text.duration(seconds) == shown


@given(st.floats(min_value=0, max_value=1e6))
@settings(max_examples=50, deadline=None)
def test_a_duration_has_no_sixty_of_anything(seconds: float) -> None:
    assert "60" not in text.duration(seconds).replace("60h", "").split("h ")[-1]


def test_ratios_and_shares_keep_absence() -> None:
    assert (text.times(1.357), text.times(None)) == ("1.36x", "–")
    assert (text.share(0.934), text.share(0.0), text.share(None)) == ("93%", "0%", "–")
    assert text.faster(3.0, 2.0) == 1.5
    assert text.faster(None, 2.0) is None
    assert text.faster(3.0, 0.0) is None


def test_settings_and_changes() -> None:
    assert text.changes({}) == "the engine's defaults"
    shown = text.changes({"a": True, "b": False, "c": None, "d": (1, 2), "e": "on"})
    assert shown == "a=on, b=off, c=left out, d=1 → 2, e=on"
    assert (text.plural(1, "trial"), text.plural(0, "trial")) == ("1 trial", "0 trials")
