"""On a page of every kind each figure has its numbers in a table, and is told in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from report_data import Seen, read_html
from report_pages import every_page

from autotune.report.page.figures import Figure, Panels, Rows
from autotune.report.page.gather import StudyData
from autotune.report.page.html import html
from autotune.report.page.model import Grid, Page, Plot

KINDS = ("study", "contest", "compare", "cache", "paths", "across")


@pytest.fixture
def pages(data: StudyData, tmp_path: Path) -> dict[str, Page]:
    return every_page(data, tmp_path)


def numbers_of(page: Page, plot: Plot) -> list[Grid]:
    """The table below a figure, or that of the section that it names; trials have their own."""
    names = {plot.numbers_in, "trials"}
    sections = [one for one in page.sections if one.name in names]
    beside = [block for one in sections for block in one.blocks if isinstance(block, Grid)]
    return beside if plot.grid is None else [plot.grid, *beside]


def drawn(figure: Figure) -> Iterator[float]:
    """Every value that a figure shows by how far up or across it stands."""
    if isinstance(figure, Rows):
        yield from (row.value for row in figure.rows)
        return
    for series in figure.series():
        # An area is closed with zeros where a session ends.
        yield from (y for _, y in series.known() if not (series.shape == "area" and y == 0.0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_has_a_table_of_its_numbers(kind: str, pages: dict[str, Page]) -> None:
    page = pages[kind]
    plots = list(page.plots())
    assert plots
    for plot in plots:
        grids = numbers_of(page, plot)
        assert grids, plot.figure.name
        told = {cell.value for grid in grids for row in grid.rows for cell in row}
        assert set(drawn(plot.figure)) <= told, plot.figure.name


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_described_in_words(kind: str, pages: dict[str, Page]) -> None:
    for plot in pages[kind].plots():
        assert len(plot.figure.described) > 8
        assert plot.figure.title
        assert plot.figure.across
        if isinstance(plot.figure, Panels):
            assert all(panel.title for panel in plot.figure.panels)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_has_its_words_on_the_page(kind: str, pages: dict[str, Page]) -> None:
    seen = read_html(html(pages[kind], bundle="AAAA"))
    plots = list(pages[kind].plots())
    images = [found for _, found in seen.tags if found.get("role") == "img"]
    assert [one["aria-label"] for one in images] == [
        plot.figure.described for plot in plots for _ in ("still", "live")
    ]
    assert heads(seen) == {"col"}
    links = [at for tag, at in seen.loads() if tag == "a" and at.startswith("#")]
    ids = {str(found.get("id")) for _, found in seen.tags}
    assert {link[1:] for link in links} <= ids


def heads(seen: Seen) -> set[str | None]:
    """The scopes of a page's table heads."""
    return {found.get("scope") for tag, found in seen.tags if tag == "th"}
