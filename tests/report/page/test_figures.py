"""Figures as Plotly's JSON and as static SVG: the same values in both."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from autotune.report.page.arrays import packed, unpacked
from autotune.report.page.drawn import alone, svg
from autotune.report.page.figures import Figure, Panel, Panels, Row, Rows, Series
from autotune.report.page.marks import mark, swarm
from autotune.report.page.palette import LOOKS, arm_role, look, variables
from autotune.report.page.plotly_form import height_px, hover_text, plotly
from autotune.report.page.scales import Stretch, is_wide, stretch_over

SVG = "{http://www.w3.org/2000/svg}"


def line(many: int = 4, shape: str = "both", role: str = "default") -> Series:
    y = tuple(None if at == 1 else float(at + 1) for at in range(many))
    told = tuple(f"point {at}" for at in range(many))
    x = tuple(float(at) for at in range(many))
    return Series(name=role, role=role, x=x, y=y, shape=shape, told=told)  # type: ignore[arg-type]


def panels(*series: Series, log: bool = False, **more: object) -> Panels:
    return Panels(name="n", title="T", described="d", across="x", panels=(Panel("P", series, log),),
                  **more)  # type: ignore[arg-type] # fmt: skip


ROWS = Rows(name="r", title="T", described="d", across="x",
            rows=(Row("one", 1.25, "tuned", 1.1, 1.4, "said"), Row("two", 0.9, "trial")),
            reference=1.0)  # fmt: skip
BARS = Rows(
    name="b", title="T", described="d", across="s", rows=(Row("load", 5.0), Row("run", 45.0))
)
EVERY: list[Figure] = [
    panels(line(), line(shape="line", role="tuned")),
    panels(line(300), line(300, "dots", "trial"), log=True, breaks=((1.5, "<b>"), (2.5, "c"))),
    panels(line(2, "bars"), line(2, "bars", "tuned"), labels=("0-10k", "10-30k")),
    panels(line(5, "area", "arm4"), line(1, "dots", "arm5")),
    ROWS,
    BARS,
]


@pytest.mark.parametrize("figure", EVERY)
def test_plotly_takes_every_figure(figure: Figure) -> None:
    from plotly.graph_objects import Figure as Plotly

    made = plotly(figure)
    Plotly(data=made["data"], layout=made["layout"])
    assert made["layout"]["height"] == height_px(figure)
    assert {trace["meta"] for trace in made["data"]} <= set(LOOKS)


@pytest.mark.parametrize("figure", EVERY)
def test_every_figure_is_a_drawing_of_its_own(figure: Figure) -> None:
    root = ElementTree.fromstring(alone(figure))
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title") is not None
    assert "prefers-color-scheme:dark" in alone(figure)
    assert 'aria-label="d"' in svg(figure)
    assert "NaN" not in svg(figure)


def test_absent_is_a_gap_in_both() -> None:
    figure = panels(line(4))
    (trace,) = plotly(figure)["data"]
    assert unpacked(trace["y"]) == [1.0, None, 3.0, 4.0]
    drawn = svg(figure)
    assert drawn.count('class="m-default"') == 3 + 1
    assert "point 1<" not in drawn


def test_many_points_are_drawn_in_few_bytes() -> None:
    drawn = svg(panels(line(2000, "dots", "trial")))
    assert drawn.count("h0") == 1999
    assert len(drawn) < 60_000


def test_a_value_without_a_place_on_an_axis_by_ratio_is_left_out() -> None:
    zero = Series(name="z", role="tuned", x=(0.0, 1.0), y=(0.0, 2.0))
    (trace,) = plotly(panels(zero, log=True))["data"]
    assert unpacked(trace["y"]) == [None, 2.0]


def test_bounds_are_distances_from_the_value() -> None:
    first, second = plotly(ROWS)["data"]
    assert first["error_x"]["array"] == pytest.approx([0.15])
    assert first["error_x"]["arrayminus"] == pytest.approx([0.15])
    assert second["error_x"]["array"] == [0.0]
    assert "1.25x" in svg(ROWS)


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="16"', svg(BARS))]
    assert widths[1] / widths[0] == pytest.approx(9.0, rel=0.02)


def test_labels_of_points_are_not_markup() -> None:
    assert hover_text("<b>&\nc") == "&lt;b&gt;&amp;<br>c"


@pytest.mark.parametrize("many", [3, 5000])
def test_arrays_come_back(many: int) -> None:
    values: list[float | None] = [None, *(at / 7 for at in range(many - 1))]
    found = unpacked(packed(values))
    assert found[0] is None
    assert found[1:] == pytest.approx(values[1:], rel=1e-6)


def test_roles_differ_in_mark_and_in_colour() -> None:
    arms = [look(arm_role(at)) for at in range(6)]
    assert len({one.symbol for one in arms}) == 6
    assert len({one.light for one in arms}) == len({one.dark for one in arms}) == 6
    assert arm_role(6) == arm_role(0)
    assert "--c-tuned:#0072b2;" in variables(dark=False)
    assert "--c-tuned:#56b4e9;" in variables(dark=True)


def test_a_mark_says_what_it_is_when_pointed_at() -> None:
    assert "<title>a &lt; b</title>" in mark((1, 2), "tuned", "a < b")
    assert "M1.0 2.0h0" in swarm([(1, 2)], "trial")
    assert swarm([], "trial") == ""


def test_a_stretch_has_round_ticks_within() -> None:
    assert Stretch(9.7, 20.3).ticks(5) == (10.0, 15.0, 20.0)
    assert stretch_over([0.0, 10.0]) == Stretch(0.0, 10.3)
    assert stretch_over([5.0]).share(5.0) == pytest.approx(0.5)
    assert is_wide([1.0, 4.0])
    assert not is_wide([1.0, 3.9, -1.0])


def test_figures_know_their_values() -> None:
    assert list(ROWS.values()) == [1.25, 1.1, 1.4, 0.9, 1.0]
    shown: Callable[[Series], list[tuple[float, float]]] = lambda s: list(s.known())  # noqa: E731
    assert shown(line(3)) == [(0.0, 1.0), (2.0, 3.0)]
