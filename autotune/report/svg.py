"""Plots as inline SVG, without a library: a frame with axes, lines, areas, marks and bars.

Everything returns markup. Colours are classes, so that a page decides them for light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

Dot = tuple[float, float]
"""A point in data units."""


def element(tag: str, *inside: str, **attributes: object) -> str:
    """``<tag a="1">inside</tag>``; a trailing underscore of a name goes, the others are dashes."""
    pairs = (
        f' {name.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{''.join(pairs)}>{''.join(inside)}</{tag}>"


def _short(value: object) -> str:
    """Numbers to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def label(x: float, y: float, text: str, *, at: str = "start", kind: str = "label") -> str:
    """Text at a place; `at` is ``start``, ``middle`` or ``end``."""
    return element("text", escape(text), x=x, y=y, text_anchor=at, class_=kind)


def nice_ticks(top: float, most: int = 5) -> tuple[float, ...]:
    """At most `most` steps of 1, 2 or 5 times a power of ten from 0, none beyond `top`.

    >>> nice_ticks(157_000)
    (0.0, 50000.0, 100000.0, 150000.0)
    """
    if top <= 0:
        return (0.0,)
    rough = top / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * by for by in (1, 2, 5, 10) if power * by >= rough * (1 - 1e-9))
    return tuple(step * at for at in range(floor(top / step * (1 + 1e-9)) + 1))


def short_number(value: float) -> str:
    """``850``, ``1.5k``, ``120k``, ``2M``."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + unit
    return f"{value:.0f}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where data of ``x_low..x_high`` by ``0..y_high`` is drawn, in pixels."""

    x_low: float
    x_high: float
    y_high: float
    width: float = 520.0
    height: float = 210.0
    left: float = 46.0
    right: float = 10.0
    top: float = 10.0
    bottom: float = 26.0

    def x(self, value: float) -> float:
        """The pixel of a value; one value alone stands in the middle."""
        span = self.x_high - self.x_low
        share = (value - self.x_low) / span if span else 0.5
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """The pixel of a value, 0 at the bottom."""
        room = self.height - self.top - self.bottom
        return self.height - self.bottom - (value / self.y_high if self.y_high else 0.0) * room

    def axes(self, below: str) -> str:
        """Grid lines with their values, and what the horizontal axis counts."""
        base = self.height - self.bottom
        rows = "".join(self._row(tick) for tick in nice_ticks(self.y_high))
        ticks = [t for t in nice_ticks(self.x_high, 6) if self.x_low <= t <= self.x_high]
        marks = "".join(
            label(self.x(t), base + 14, short_number(t), at="middle", kind="tick")
            for t in ticks
            if t == int(t)
        )
        name = label(self.width - self.right, self.height - 2, below, at="end", kind="tick")
        return rows + marks + name

    def _row(self, tick: float) -> str:
        y = self.y(tick)
        line = element("line", x1=self.left, x2=self.width - self.right, y1=y, y2=y, class_="grid")
        return line + label(self.left - 6, y + 4, short_number(tick), at="end", kind="tick")

    def line(self, dots: Iterable[Dot], kind: str) -> str:
        """A line through `dots`; a single one is a dot."""
        found = list(dots)
        if len(found) == 1:
            return self.mark(found[0], kind)
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in found)
        return element("polyline", points=places, class_=f"line {kind}") if found else ""

    def steps(self, dots: Iterable[Dot], kind: str) -> str:
        """A column for each of `dots`, as wide as a step of 1; neighbours are one shape."""
        base, shape, last = self.y(0.0), "", None
        for x, y in dots:
            left, right = self._column(x)
            if last is None or x != last + 1:
                shape += f"{'' if last is None else f'V{base:.1f}z'}M{left:.1f} {base:.1f}"
            shape += f"V{self.y(y):.1f}H{right:.1f}"
            last = x
        return element("path", d=f"{shape}V{base:.1f}z", class_=f"area {kind}") if shape else ""

    def _column(self, value: float) -> tuple[float, float]:
        """Left and right pixel of the column of `value`, within the frame."""
        low, high = self.left, self.width - self.right
        if self.x_high <= self.x_low:
            return low, high
        half = (high - low) / (self.x_high - self.x_low) / 2
        return max(low, self.x(value) - half), min(high, self.x(value) + half)

    def mark(self, dot: Dot, kind: str, told: str = "") -> str:
        """A point that stands out, with what it says when pointed at."""
        x, y = self.x(dot[0]), self.y(dot[1])
        title = element("title", escape(told)) if told else ""
        return element("circle", title, cx=x, cy=y, r=4, class_=f"mark {kind}")

    def sensor(self, value: float, told: str) -> str:
        """An invisible column that says what stands at `value` when pointed at."""
        left, right = self._column(value)
        return element(
            "rect",
            element("title", escape(told)),
            x=left,
            y=self.top,
            width=right - left,
            height=self.height - self.top - self.bottom,
            class_="sensor",
        )


def svg(width: float, height: float, described: str, *inside: str) -> str:
    """A drawing that scales with its place; `described` is read out instead of it."""
    return element(
        "svg",
        *inside,
        viewBox=f"0 0 {_short(width)} {_short(height)}",
        role="img",
        aria_label=described,
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart: its name, its length, and what stands behind it."""

    name: str
    value: float
    told: str


def bars(rows: Sequence[Bar], described: str, *, longest: float | None = None) -> str:
    """Horizontal bars, one below the other; `longest` is the value of a full one."""
    width, left, right, step = 520.0, 110.0, 150.0, 26.0
    full = longest or max((row.value for row in rows), default=0.0) or 1.0
    drawn = []
    for at, row in enumerate(rows):
        y, length = at * step, row.value / full * (width - left - right)
        drawn += [
            label(left - 8, y + 17, row.name, at="end"),
            element("rect", x=left, y=y + 5, width=length, height=step - 9, rx=2, class_="bar"),
            label(left + length + 8, y + 17, row.told, kind="tick"),
        ]
    return svg(width, len(rows) * step + 4, described, *drawn)
