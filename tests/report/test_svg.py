"""Plots without a library: where things are drawn, worked out by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.report.svg import Bar, Frame, bars, element, nice_ticks, short_number, svg


def frame(x_low: float = 0, x_high: float = 4, y_high: float = 100) -> Frame:
    """100 by 100 pixels of data, 10 away from every edge."""
    return Frame(x_low, x_high, y_high, width=120, height=120, left=10, right=10, top=10, bottom=10)


@pytest.mark.parametrize(
    ("top", "ticks"),
    [
        (157_000, (0, 50_000, 100_000, 150_000)),
        (89_000, (0, 20_000, 40_000, 60_000, 80_000)),
        (5, (0, 1, 2, 3, 4, 5)),
        (0, (0,)),
    ],
)
def test_ticks(top: float, ticks: tuple[float, ...]) -> None:
    assert nice_ticks(top) == ticks


@given(st.floats(1e-3, 1e9))
def test_ticks_are_few_and_reach_close_to_the_top(top: float) -> None:
    ticks = nice_ticks(top)
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= top * (1 + 1e-6)
    assert ticks[-1] >= top / 2


def test_numbers() -> None:
    told = [short_number(n) for n in (0, 850, 1500, 120_000, 2e6)]
    assert told == ["0", "850", "1.5k", "120k", "2M"]


def test_places() -> None:
    f = frame()
    assert (f.x(0), f.x(2), f.x(4)) == (10, 60, 110)
    assert (f.y(0), f.y(50), f.y(100)) == (110, 60, 10)


def test_one_turn_stands_in_the_middle_as_a_dot() -> None:
    f = frame(x_low=3, x_high=3)
    assert f.x(3) == 60
    dot = ET.fromstring(f.line([(3, 50)], "depth"))
    assert (dot.tag, dot.get("cx"), dot.get("cy")) == ("circle", "60", "60")


def test_a_line_goes_through_its_dots() -> None:
    line = ET.fromstring(frame().line([(0, 0), (4, 100)], "depth"))
    assert line.get("points") == "10.0,110.0 110.0,10.0"
    assert frame().line([], "depth") == ""


def test_steps_of_neighbours_are_one_shape_and_stay_within_the_frame() -> None:
    path = ET.fromstring(frame().steps([(1, 50), (2, 100), (4, 100)], "reusable")).get("d")
    # Columns are 25 wide and stand around their turn; the last is cut at the edge.
    assert path == "M22.5 110.0V60.0H47.5V10.0H72.5V110.0zM97.5 110.0V10.0H110.0V110.0z"
    assert frame().steps([], "reusable") == ""


def test_what_is_pointed_at_speaks_and_text_is_escaped() -> None:
    mark = ET.fromstring(frame().mark((0, 0), "broken", "a <b> & c"))
    assert mark[0].text == "a <b> & c"
    sensor = ET.fromstring(frame().sensor(2, "turn 2"))
    assert (sensor.get("x"), sensor.get("width")) == ("47.5", "25")


def test_attributes_are_named_as_in_svg() -> None:
    made = ET.fromstring(element("text", "x", text_anchor="end", class_="tick", id=None))
    assert made.attrib == {"text-anchor": "end", "class": "tick"}


def test_bars_are_as_long_as_their_share() -> None:
    drawn = ET.fromstring(bars([Bar("a", 1.0, "100%"), Bar("b", 0.5, "50%")], "shares"))
    lengths = [float(r.get("width", "0")) for r in drawn.iter("rect")]
    assert lengths[0] == 2 * lengths[1]
    assert drawn.get("aria-label") == "shares"


def test_axes_are_well_formed() -> None:
    drawn = ET.fromstring(svg(120, 120, "x", frame().axes("turn")))
    texts = [t.text for t in drawn.iter("text")]
    assert texts == ["0", "20", "40", "60", "80", "100", "0", "1", "2", "3", "4", "turn"]
