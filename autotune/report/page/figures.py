"""What is plotted, whatever draws it: panels on one horizontal axis, or rows of bars and marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Shape = Literal["line", "dots", "both", "area", "bars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values over the horizontal axis. ``None`` is absent and leaves a gap.

    `role` decides colour, mark and dash (`autotune.report.page.palette`). `told` is what each point
    says when pointed at; empty, or one a point.
    """

    name: str
    role: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    shape: Shape = "both"
    told: tuple[str, ...] = ()

    def known(self) -> Iterator[tuple[float, float]]:
        """The points that are not absent."""
        return ((x, y) for x, y in zip(self.x, self.y, strict=True) if y is not None)


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of several below each other.

    `log` when its values are read by ratio, `share` when they are shares of 1.
    """

    title: str
    series: tuple[Series, ...]
    log: bool = False
    share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """Panels over one horizontal axis called `across`.

    `name` is that of its file; `described` is read out instead of it. With `labels` the values
    across are 0, 1, 2 ... and stand for these words. `breaks` are places where something else
    begins, with its name.
    """

    name: str
    title: str
    described: str
    across: str
    panels: tuple[Panel, ...]
    labels: tuple[str, ...] = ()
    breaks: tuple[tuple[float, str], ...] = ()

    def series(self) -> Iterator[Series]:
        """Every series of every panel."""
        for panel in self.panels:
            yield from panel.series


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, its value with bounds where they are known, and what it says."""

    name: str
    value: float
    role: str = "tuned"
    low: float | None = None
    high: float | None = None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of bars from zero, or with `reference` of marks with intervals around it.

    `across` says what is measured. With a `reference` the axis is one of ratios.
    """

    name: str
    title: str
    described: str
    across: str
    rows: tuple[Row, ...]
    reference: float | None = None

    def values(self) -> Iterator[float]:
        """Every value and bound, and the reference."""
        for row in self.rows:
            yield from (v for v in (row.value, row.low, row.high) if v is not None)
        if self.reference is not None:
            yield self.reference


Figure = Panels | Rows
