"""A page as Markdown: the same sentences and tables, for an issue or a README."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from autotune.report.page.model import Block, Command, Facts, Grid, Page, Plot, Prose

MOST_ROWS = 60
"""Rows of a table; further ones are counted."""

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown(page: Page, pictures: Mapping[str, str] | None = None) -> str:
    """The page as text. `pictures` are addresses of plots by the figure's name."""
    parts = [f"# {_plain(page.title)}", f"**{_plain(page.verdict)}**"]
    parts += [_plain(line) for line in page.lead]
    for section in page.sections:
        parts.append(f"## {_plain(section.title)}")
        for block in section.blocks:
            parts += _block(block, pictures or {})
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """`text` as words: nothing in it is markup, and it stays on its line."""
    return " ".join(_MARKUP.sub(r"\\\1", text).split())


def _block(block: Block, pictures: Mapping[str, str]) -> Iterator[str]:
    match block:
        case Prose():
            yield from map(_plain, block.lines)
        case Facts():
            yield "\n".join(f"- {_plain(name)}: {_plain(value)}" for name, value in block.pairs)
        case Command():
            yield f"{_plain(block.title)}:"
            fence = "`" * (max((len(run) for run in re.findall("`+", block.text)), default=2) + 1)
            fence = max(fence, "```", key=len)
            yield f"{fence}sh\n{block.text}\n{fence}"
        case Grid():
            yield from _grid(block)
        case Plot():
            name = block.figure.name
            if name in pictures:
                yield f"![{_plain(block.figure.described)}]({pictures[name]})"
            if block.grid is not None:
                yield from _grid(block.grid, block.figure.title)


def _grid(grid: Grid, title: str = "") -> Iterator[str]:
    if name := grid.title or title:
        yield f"**{_plain(name)}**"
    yield "\n".join(_table(grid))
    left = len(grid.rows) - MOST_ROWS
    if left > 0:
        yield f"and {left} more rows"
    if grid.note:
        yield f"_{_plain(grid.note)}_"


def _table(grid: Grid) -> Iterator[str]:
    yield _line(grid.heads)
    yield _line(":--" if at in grid.words else "--:" for at in range(len(grid.heads)))
    for row in grid.rows[:MOST_ROWS]:
        yield _line([cell.text for cell in row])


def _line(cells: Iterable[str]) -> str:
    found: Sequence[str] = list(cells)
    plain = [one if set(one) <= {":", "-"} else _plain(one) for one in found]
    return f"| {' | '.join(plain)} |"
