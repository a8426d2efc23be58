"""A table as HTML: sorted and filtered by the reader where it says so, in few bytes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from autotune.report.page.model import Cell, Grid
from autotune.report.svg import element

_SENTENCE, _NAME = 44, 20
_SHORT = 12
"""Rows up to which a table stays on one sheet of paper."""
_LONG = 40
"""Rows from which a table scrolls in its own box on a screen, and is cut on paper (page.css)."""


def table(grid: Grid, name: str = "") -> str:
    """The table with its title, its filters and its note; `name` is read out where it has no title.

    On paper a long one has its first rows, as they are ordered and filtered on the screen.
    """
    caption = element("caption", escape(grid.title)) if grid.title else ""
    head = element("thead", element("tr", *(_head(grid, at) for at in range(len(grid.heads)))))
    body = element("tbody", *_rows(grid))
    rows = len(grid.rows)
    kind = "wide tall" if rows > _LONG else "wide short" if rows <= _SHORT else "wide"
    inside = element("table", caption, head, body, class_="sorts" if grid.sorts else None)
    named = grid.title or name or "table of figures"
    box = element("div", inside, class_=kind, tabindex="0", role="region", aria_label=named)
    note = element("p", escape(grid.note), class_="soft") if grid.note else ""
    filters = _filters(grid) if grid.sorts else ""
    return element("div", filters, box, _on_paper(grid), note, class_="grid-block")


def _on_paper(grid: Grid) -> str:
    if len(grid.rows) <= _LONG:
        return ""
    told = f"On paper: {_LONG} rows of {len(grid.rows):,}. All are in the page itself."
    return element("p", told, class_="soft on-paper")


def _head(grid: Grid, at: int) -> str:
    kind = "w" if at in grid.words else None
    name = escape(grid.heads[at])
    inside = element("button", name, type="button") if grid.sorts and grid.heads[at] else name
    return element("th", inside, scope="col", class_=kind)


def _rows(grid: Grid) -> Iterator[str]:
    kinds = ["" if n not in grid.words else _words_kind(grid, n) for n in range(len(grid.heads))]
    for at, row in enumerate(grid.rows):
        mark = grid.marks[at] if grid.marks else ""
        kind = f' class="{escape(mark)}"' if mark else ""
        cells = "".join(_cell(cell, kinds[n]) for n, cell in enumerate(row))
        yield f"<tr{kind}>{cells}</tr>"


def _words_kind(grid: Grid, column: int) -> str:
    """Words to the left; a column of sentences gets the room that it needs."""
    most = max((len(row[column].text) for row in grid.rows), default=0)
    if most > _SENTENCE:
        return ' class="w l"'
    return ' class="w n"' if most <= _NAME else " class=w"


def _cell(cell: Cell, kind: str) -> str:
    value = "" if cell.value is None else f" data-v={cell.value:.7g}"
    text = escape(cell.text)
    inside = element("a", text, href=_href(cell.link)) if cell.link else text
    return f"<td{kind}{value}>{inside}</td>"


def _href(link: str) -> str:
    """A path as an address: relative, and never one of a scheme."""
    from urllib.parse import quote

    return quote(link if link.startswith((".", "/", "#")) else f"./{link}", safe="/#.")


def _filters(grid: Grid) -> str:
    """A field to search in, and a choice of what rows stand for."""
    marks = list(dict.fromkeys(mark for mark in grid.marks if mark))
    options = [element("option", f"all {len(grid.rows)}", value="")]
    for mark in marks:
        rows = grid.marks.count(mark)
        options.append(element("option", escape(f"{mark} ({rows})"), value=mark))
    choose = element("select", *options, aria_label="which rows") if marks else ""
    search = element(
        "input", type="search", placeholder="filter rows", aria_label="filter rows"
    ).removesuffix("</input>")
    shown = element("span", "", class_="shown soft", aria_live="polite")
    return element("div", choose, search, shown, class_="filters")
