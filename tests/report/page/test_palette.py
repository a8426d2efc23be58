"""Colours stand out from their ground, and from each other, for every reader."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pytest
from colour_vision import VISIONS, contrast, distance
from report_pages import every_page

from autotune.report.page.figures import Figure, Panels
from autotune.report.page.gather import StudyData
from autotune.report.page.palette import ARMS, GROUND, LOOKS

APART = 18.0
"""CIELAB units: eight times what can be noticed side by side."""


def shades(role: str) -> tuple[str, str]:
    return LOOKS[role].light, LOOKS[role].dark


def distances_known() -> list[tuple[str, str, str, float]]:
    """Worked out by hand: equal colours, black and white, and red and green without green cones."""
    return [
        ("#c04f00", "#c04f00", "protanopia", 0.0),
        ("#000000", "#ffffff", "all cones", 100.0),
        ("#000000", "#ffffff", "tritanopia", 100.0),
    ]


@pytest.mark.parametrize(("one", "other", "vision", "wanted"), distances_known())
def test_distances_are_those_of_cielab(one: str, other: str, vision: str, wanted: float) -> None:
    assert distance(one, other, vision) == pytest.approx(wanted, abs=0.01)


def test_red_and_green_are_alike_without_one_kind_of_cone() -> None:
    """Two colours that are often taken for good and bad, and were those of two arms here."""
    assert distance("#c04f00", "#8a6500", "protanopia") < 3
    assert distance("#c04f00", "#8a6500", "all cones") > 30


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("one", "other"), list(combinations(ARMS, 2)))
def test_arms_are_told_apart(one: str, other: str, vision: str) -> None:
    for a, b in zip(shades(one), shades(other), strict=True):
        assert distance(a, b, vision) >= APART


def together(figure: Figure) -> list[tuple[str, str]]:
    """Roles that stand beside each other in a plot, where a mark or a dash alone would tell."""
    parts = (
        [{series.role for series in panel.series} for panel in figure.panels]
        if isinstance(figure, Panels)
        else [{row.role for row in figure.rows}]
    )
    return sorted({pair for part in parts for pair in combinations(sorted(part), 2)})


def test_what_stands_in_one_plot_is_told_apart(data: StudyData, tmp_path: Path) -> None:
    figures = [plot.figure for page in every_page(data, tmp_path).values() for plot in page.plots()]
    pairs = {pair for figure in figures for pair in together(figure)}
    assert ("default", "tuned") in pairs
    near = [
        (pair, vision, shade)
        for pair, vision, shade in product(sorted(pairs), VISIONS, (0, 1))
        if distance(shades(pair[0])[shade], shades(pair[1])[shade], vision) < APART
    ]
    assert near == []


@pytest.mark.parametrize("role", LOOKS)
def test_marks_stand_out_from_their_ground(role: str) -> None:
    """3 to 1 is what WCAG 2.1 asks of graphics (1.4.11)."""
    for shade in (0, 1):
        for ground in ("panel", "ground"):
            assert contrast(shades(role)[shade], GROUND[ground][shade]) >= 3


@pytest.mark.parametrize("name", ["ink", "soft", "good", "even", "bad"])
def test_words_stand_out_from_their_ground(name: str) -> None:
    """4.5 to 1 is what WCAG 2.1 asks of text (1.4.3)."""
    for shade in (0, 1):
        for ground in ("panel", "ground"):
            assert contrast(GROUND[name][shade], GROUND[ground][shade]) >= 4.5
