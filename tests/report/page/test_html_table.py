"""Tables as HTML: exact values, filters, and links that cannot leave."""

from __future__ import annotations

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
