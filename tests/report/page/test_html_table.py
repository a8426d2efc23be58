"""Tables as HTML: exact values, filters, and links that cannot leave."""

from __future__ import annotations

from importlib.resources import files

import pytest

from autotune.report.page.cells import figure, part, span
from autotune.report.page.html_table import table
from autotune.report.page.model import Cell, Grid, words
from autotune.report.text import ABSENT


def test_cells_keep_the_value_behind_what_is_read() -> None:
    grid = Grid(heads=("a", "b"), rows=((words("x"), figure(0.12345678)),), title="T")
    text = table(grid)
    assert "<td data-v=0.1234568>0.123</td>" in text
    assert '<td class="w n">x</td>' in text
    assert "<caption>T</caption>" in text


def test_what_is_absent_has_no_value() -> None:
    assert (figure(None), part(None), span(None)) == (Cell(ABSENT),) * 3
    assert "data-v" not in table(Grid(heads=("a",), rows=((figure(None),),)))


def test_zero_is_a_value() -> None:
    assert '<td class="w n" data-v=0>0%</td>' in table(Grid(heads=("a",), rows=((part(0.0),),)))


def test_a_sorted_table_can_be_filtered_by_what_its_rows_are() -> None:
    rows = tuple((words(name),) for name in ("x", "y", "z"))
    text = table(Grid(heads=("a",), rows=rows, marks=("failed", "", "failed"), sorts=True))
    assert '<option value="failed">failed (2)</option>' in text
    assert text.count('<tr class="failed">') == 2
    assert '<button type="button">a</button>' in text


def test_links_are_relative_whatever_they_say() -> None:
    for link in ("javascript:alert(1)", "https://evil.example", "logs/a b.log"):
        text = table(Grid(heads=("a",), rows=((Cell("log", link=link),),)))
        assert 'href="./' in text
        assert "javascript:" not in text
        assert "https:" not in text


@pytest.mark.parametrize(("rows", "told"), [(40, False), (41, True)])
def test_paper_has_the_first_rows_of_a_long_table(rows: int, told: bool) -> None:
    text = table(Grid(heads=("a",), rows=((words("x"),),) * rows))
    assert ("On paper: 40 rows of 41." in text) is told
    assert ('class="wide tall"' in text) is told
    css = (files("autotune.report.page") / "page.css").read_text(encoding="utf-8")
    assert ".wide.tall tbody tr:nth-child(n+41 of :not([hidden])){display:none}" in css


def test_a_table_without_a_title_is_named_by_its_figure() -> None:
    grid = Grid(heads=("a",), rows=((words("x"),),))
    assert 'aria-label="By depth"' in table(grid, "By depth")
    assert 'aria-label="table of figures"' in table(grid)
