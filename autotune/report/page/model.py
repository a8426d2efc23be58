"""What a report is made of, whatever it is written as: a page of sections of blocks.

Whoever knows studies builds a `Page`; whoever knows HTML, Markdown or terminals writes it down.
Nothing here knows of either. Text is as a person reads it and is never markup: each form escapes
it by its own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from autotune.report.page.figures import Figure
from autotune.report.text import ABSENT

Tone = Literal["plain", "good", "even", "bad", "soft"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: what is read, the exact `value` behind it, and where it leads.

    `value` is what a column is sorted by, and is ``None`` for words and for what is absent. `link`
    is a path relative to the report.
    """

    text: str
    value: float | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table. Column numbers in `words` hold words and are read from the left.

    `marks` says what each row stands for (``winner``, ``default``, ``failed``, ...), or is empty.
    `sorts` lets a reader order it by any column and filter it by `marks`.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    words: frozenset[int] = frozenset({0})
    note: str = ""
    marks: tuple[str, ...] = ()
    sorts: bool = False


@dataclass(frozen=True, slots=True)
class Prose:
    """Sentences, one a paragraph."""

    lines: tuple[str, ...]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with what is known of them."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Command:
    """Something to copy: never wrapped, never cut."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure with its numbers; without a `grid` they are in the section named by `numbers_in`."""

    figure: Figure
    grid: Grid | None = None
    numbers_in: str = ""


Block = Prose | Facts | Command | Plot | Grid


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it. `name` is what a link to it says."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole report.

    `verdict` is its one sentence and `tone` how it reads. `kind` is ``study``, ``contest``,
    ``compare``, ``cache``, ``paths`` or ``across``. `records` are the rows of its CSV, and
    `document` what its JSON says: the figures as they are on disk.
    """

    kind: str
    title: str
    verdict: str
    tone: Tone = "plain"
    lead: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    records: tuple[Mapping[str, Any], ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)

    def plots(self) -> Iterator[Plot]:
        """Every figure, in the order of the page."""
        for section in self.sections:
            yield from (block for block in section.blocks if isinstance(block, Plot))


def words(text: object) -> Cell:
    """A cell of words; absent is a dash."""
    return Cell(ABSENT if text is None or text == "" else str(text))


def section(name: str, title: str, *blocks: Block | None) -> Section | None:
    """A section of the blocks that there are; ``None`` where there are none."""
    found = tuple(block for block in blocks if block is not None)
    return Section(name, title, found) if found else None


def prose(lines: Sequence[str], tone: Tone = "plain") -> Prose | None:
    """The lines that say something; ``None`` of none."""
    told = tuple(line for line in lines if line)
    return Prose(told, tone) if told else None


def present(sections: Sequence[Section | None]) -> tuple[Section, ...]:
    """The sections that there are."""
    return tuple(one for one in sections if one is not None)
