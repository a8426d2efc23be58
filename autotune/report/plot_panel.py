"""One of several plots that stand below each other on the same horizontal axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from autotune.report.plot_scale import Linear, Scale, tick_label
from autotune.report.svg import Dot, element, label

WIDTH = 880.0
LEFT, RIGHT = 64.0, 18.0
_HEAD = 9.0
"""Between a panel's title and its upper edge."""
_SQUARE, _CIRCLE = 6.4, 3.4


@dataclass(frozen=True, slots=True)
class Panel:
    """A plot of `height` pixels whose upper edge is at `top`."""

    title: str
    top: float
    height: float
    x_scale: Linear
    y_scale: Scale

    @property
    def bottom(self) -> float:
        """The pixel of the lower edge."""
        return self.top + self.height

    def x(self, value: float) -> float:
        """The pixel of a value on the horizontal axis."""
        return LEFT + self.x_scale.share(value) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """The pixel of a value, growing upwards."""
        return self.bottom - self.y_scale.share(value) * self.height

    def frame(self) -> str:
        """The title, and grid lines with their values."""
        rows = "".join(map(self._row, self.y_scale.ticks()))
        return label(LEFT, self.top - _HEAD, self.title, kind="head") + rows

    def _row(self, tick: float) -> str:
        y = self.y(tick)
        kind = "axis" if tick == 0 else "grid"
        line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=kind)
        return line + label(LEFT - 7, y + 4, tick_label(tick), at="end", kind="tick")

    def axis(self, name: str) -> str:
        """The values of the horizontal axis below this panel, and what they count."""
        marks = "".join(
            label(self.x(t), self.bottom + 16, tick_label(t), at="middle", kind="tick")
            for t in self.x_scale.ticks(8)
        )
        middle = (LEFT + WIDTH - RIGHT) / 2
        return marks + label(middle, self.bottom + 34, name, at="middle", kind="soft")

    def band(self, low: float, high: float) -> str:
        """A ground that tells one stretch of the horizontal axis from the next."""
        return self.block((low, high), (self.y_scale.low, self.y_scale.high), "band")

    def block(self, across: Dot, up: Dot, kind: str) -> str:
        """A filled rectangle from the first to the second value of each axis."""
        left, right = map(self.x, across)
        bottom, top = map(self.y, up)
        return element("rect", x=left, y=top, width=right - left, height=bottom - top, class_=kind)

    def line(self, dots: Sequence[Dot], kind: str) -> str:
        """A line through `dots`; nothing for a single one."""
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in dots)
        return element("polyline", points=places, class_=f"line {kind}") if len(dots) > 1 else ""

    def circles(self, dots: Iterable[tuple[Dot, str]], kind: str) -> str:
        """A circle for each of `dots`, with what it says when pointed at."""
        return "".join(
            element(
                "circle", _told(told), cx=self.x(x), cy=self.y(y), r=_CIRCLE, class_=f"mark {kind}"
            )
            for (x, y), told in dots
        )

    def squares(self, dots: Iterable[tuple[Dot, str]], kind: str) -> str:
        """A square for each of `dots`, with what it says when pointed at."""
        half = _SQUARE / 2
        return "".join(
            element(
                "rect", _told(told), x=self.x(x) - half, y=self.y(y) - half,
                width=_SQUARE, height=_SQUARE, class_=f"mark {kind}",
            )
            for (x, y), told in dots
        )  # fmt: skip


def _told(text: str) -> str:
    return element("title", escape(text))
