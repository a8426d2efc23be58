"""Rows of bars from zero, or of marks with intervals around a reference, as static SVG."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.report.page.figures import Row, Rows
from autotune.report.page.marks import bar, mark
from autotune.report.page.scales import Stretch, is_wide, stretch_over
from autotune.report.plot_scale import Linear, Log, tick_label
from autotune.report.svg import element, label

_WIDTH, _LEFT, _RIGHT, _STEP, _TOP, _FOOT = 880.0, 250.0, 130.0, 28.0, 8.0, 46.0
_NAME = 36
"""Letters of a name that have room."""


def row_plot(figure: Rows) -> tuple[float, list[str]]:
    """Its height in pixels, and what is drawn."""
    bottom = _TOP + _STEP * len(figure.rows)
    axis = _Axis(_scale(figure))
    inside = [axis.grid(tick, bottom) for tick in axis.scale.ticks()]
    if figure.reference is not None:
        x = axis.x(figure.reference)
        inside.append(element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="axis reference"))
    for at, row in enumerate(figure.rows):
        inside.append(_row(axis, row, _TOP + _STEP * (at + 0.5), bars=figure.reference is None))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    inside.append(label(middle, bottom + 34, figure.across, at="middle", kind="soft"))
    return bottom + _FOOT, inside


@dataclass(frozen=True, slots=True)
class _Axis:
    scale: Linear | Log | Stretch

    def x(self, value: float) -> float:
        return _LEFT + self.scale.share(value) * (_WIDTH - _LEFT - _RIGHT)

    def grid(self, tick: float, bottom: float) -> str:
        x = self.x(tick)
        ruled = element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid")
        return ruled + label(x, bottom + 15, tick_label(tick), at="middle", kind="tick")


def _scale(figure: Rows) -> Linear | Log | Stretch:
    every = list(figure.values())
    if figure.reference is None:
        return Linear(min([0.0, *every]), max([*every, 1e-9]) * 1.02)
    if not is_wide(every):
        return stretch_over(every)
    found = [value for value in every if value > 0]
    return Log(min(found) / 1.06, max(found) * 1.06)


def _row(axis: _Axis, row: Row, y: float, *, bars: bool) -> str:
    name = row.name if len(row.name) <= _NAME else f"{row.name[: _NAME - 1]}…"
    drawn = label(_LEFT - 10, y + 4, name, at="end")
    end = axis.x(row.value)
    if bars:
        start = axis.x(0.0)
        drawn += bar((min(start, end), y - 8), abs(end - start), 16, row.role, row.told)
    else:
        drawn += _interval(axis, row, y) + mark((end, y), row.role, row.told, 5.5)
        end = max(end, axis.x(row.high) if row.high is not None else end)
    return drawn + label(end + 10, y + 4, _value(row, bars=bars), kind="tick")


def _interval(axis: _Axis, row: Row, y: float) -> str:
    if row.low is None or row.high is None:
        return ""
    low, high = axis.x(row.low), axis.x(row.high)
    shape = f"M{low:.1f} {y:.1f}H{high:.1f}M{low:.1f} {y - 5:.1f}v10M{high:.1f} {y - 5:.1f}v10"
    return element("path", d=shape, class_=f"bound s-{row.role}")


def _value(row: Row, *, bars: bool) -> str:
    if not bars:
        return f"{row.value:.2f}x"
    return f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.3g}"
