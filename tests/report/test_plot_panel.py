"""One panel of a plot: where things stand, by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from autotune.report.plot_panel import LEFT, RIGHT, WIDTH, Panel
from autotune.report.plot_scale import Linear

PANEL = Panel("TTFT <s>", 100.0, 50.0, Linear(0.0, 10.0), Linear(0.0, 5.0))


def inside(*markup: str) -> ET.Element:
    return ET.fromstring(f"<g>{''.join(markup)}</g>")


def test_places() -> None:
    assert (PANEL.x(0), PANEL.x(10)) == (LEFT, WIDTH - RIGHT)
    assert (PANEL.y(0), PANEL.y(5), PANEL.bottom) == (150.0, 100.0, 150.0)


def test_the_frame_has_its_title_and_its_ticks() -> None:
    texts = [t.text for t in inside(PANEL.frame()).iter("text")]
    assert texts == ["TTFT <s>", "0", "1", "2", "3", "4", "5"]
    assert [t.text for t in inside(PANEL.axis("depth")).iter("text")][-1] == "depth"


def test_lines_blocks_and_bands() -> None:
    (line,) = inside(PANEL.line([(0, 0), (10, 5)], "warm"))
    assert line.get("points") == f"{LEFT},150.0 {WIDTH - RIGHT},100.0"
    assert PANEL.line([(0, 0)], "warm") == ""
    (block,) = inside(PANEL.block((0, 5), (1, 2), "interval"))
    assert (block.get("y"), block.get("height")) == ("130", "10")
    (band,) = inside(PANEL.band(5, 10))
    assert (band.get("y"), band.get("height"), band.get("width")) == ("100", "50", "399")


def test_marks_say_what_they_are() -> None:
    circle, square = inside(
        PANEL.circles([((0, 0), "a < b")], "warm"), PANEL.squares([((0, 0), "c")], "cold")
    )
    assert (circle.get("cx"), circle.get("cy"), circle[0].text) == ("64", "150", "a < b")
    assert (square.get("x"), square.get("width"), square[0].text) == ("60.8", "6.4", "c")
