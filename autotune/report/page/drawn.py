"""Figures as static SVG: what a page shows without its scripts, what is printed, and files.

Colours are classes (``m-`` filled, ``s-`` stroked, by role), so that a page decides them. `alone`
makes a file of its own of it, with colours inside for light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from autotune.report.page.figures import Figure, Panel, Panels, Series
from autotune.report.page.marks import area, bar, line, mark, swarm
from autotune.report.page.palette import GROUND, LOOKS
from autotune.report.page.row_plot import row_plot
from autotune.report.page.scales import Stretch, stretch_over
from autotune.report.plot_scale import Scale, linear_over, log_over, tick_label
from autotune.report.svg import Dot, element, label
from autotune.report.text import number

WIDTH = 880.0
_LEFT, _RIGHT, _KEYS, _GAP, _FOOT = 62.0, 16.0, 34.0, 34.0, 46.0
_HEIGHT, _LONE = 140.0, 280.0
_LETTER = 6.6
"""Pixels of a letter of a tick, with room to spare."""
_MANY = 150
_BREAKS, _NAMED_BREAKS = 80, 10


def svg(figure: Figure) -> str:
    """The figure's markup, without colours."""
    height, inside = _panels(figure) if isinstance(figure, Panels) else row_plot(figure)
    return element(
        "svg",
        *inside,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_label=figure.described,
    )


def alone(figure: Figure, *, light_only: bool = False) -> str:
    """The figure as a file of its own: with its title, and colours for light and dark.

    `light_only` leaves the dark ones out, for programs that take the rules of a media query for
    rules without one.
    """
    height, inside = _panels(figure) if isinstance(figure, Panels) else row_plot(figure)
    head = 34.0
    whole = element(
        "svg",
        element("title", escape(f"{figure.title}. {figure.described}")),
        element("style", STRUCTURE + _plain_colours(light_only=light_only)),
        element("rect", width="100%", height="100%", class_="ground"),
        label(_LEFT, 23, figure.title, kind="title"),
        element("g", *inside, transform=f"translate(0 {head:.0f})"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:.0f} {height + head:.0f}",
        width=f"{WIDTH:.0f}",
        role="img",
    )
    return f"{whole}\n"


_GAPS = {"dash": "6 3", "dot": "2 3", "dashdot": "6 3 2 3", "longdash": "10 4"}

STRUCTURE = """\
svg text{font:12px system-ui,"Segoe UI",Helvetica,Arial,"Liberation Sans","Noto Sans","DejaVu Sans",
sans-serif}
svg text.title{font-size:16px;font-weight:600}svg text.head{font-weight:600}
svg text.tick{font-size:11px;font-variant-numeric:tabular-nums}
svg .grid,svg .axis{stroke-width:1}svg .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
svg .area{fill-opacity:.22}
svg .swarm{fill:none;stroke-width:5;stroke-linecap:round;stroke-opacity:.6}
svg .hollow{fill-opacity:.25;stroke-width:1.2}svg .bound{fill:none;stroke-width:2}
svg .break{stroke-width:1;stroke-dasharray:2 3}svg path.x{fill:none;stroke-width:2.2}
""" + "".join(
    f"svg .s-{role}.line{{stroke-dasharray:{gaps}}}"
    for role, one in LOOKS.items()
    if (gaps := _GAPS.get(one.dash))
)  # fmt: skip
"""Widths, dashes and letters: everything of the look but colours."""


def colour_rules(ground: dict[str, str], roles: dict[str, str]) -> str:
    """CSS that gives every class its colour; values may be variables."""
    base = (
        f"svg .ground{{fill:{ground['ground']}}}svg text{{fill:{ground['ink']}}}"
        f"svg text.tick,svg text.soft{{fill:{ground['soft']}}}svg .grid{{stroke:{ground['line']}}}"
        f"svg .axis,svg .break,svg .reference{{stroke:{ground['soft']}}}"
    )
    return base + "".join(
        f"svg .s-{role}{{stroke:{colour}}}svg .m-{role}{{fill:{colour}}}"
        f"svg path.x.m-{role}{{stroke:{colour}}}"
        for role, colour in roles.items()
    )


def _plain_colours(*, light_only: bool) -> str:
    """Without variables, as programs that turn SVG into pictures know none."""
    light, dark = (
        colour_rules(
            {name: pair[at] for name, pair in GROUND.items()},
            {role: one.dark if at else one.light for role, one in LOOKS.items()},
        )
        for at in (0, 1)
    )
    return light if light_only else f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _panels(figure: Panels) -> tuple[float, list[str]]:
    scale = _across(figure)
    tall = _LONE if len(figure.panels) == 1 else _HEIGHT
    inside = [_keys(figure)]
    top = _KEYS + _GAP / 2
    for panel in figure.panels:
        place = _Place(top, tall, scale, panel)
        inside += [
            place.frame(panel.title),
            _breaks(figure, place, named=panel is figure.panels[0]),
        ]
        bars = [s for s in panel.series if s.shape == "bars"]
        inside += [place.draw(series, bars) for series in panel.series]
        top += tall + _GAP
    bottom = top - _GAP
    inside.append(_axis(figure, scale, bottom))
    return bottom + _FOOT, inside


def _across(figure: Panels) -> Stretch:
    if figure.labels:
        return Stretch(-0.6, len(figure.labels) - 0.4)
    return stretch_over([x for series in figure.series() for x in series.x])


def _up(panel: Panel) -> Scale:
    values = [y for series in panel.series for _, y in series.known()]
    if panel.log:
        return log_over(values)
    # Above a bar its value is written.
    room = 1.12 if any(series.shape == "bars" for series in panel.series) else 1.0
    return linear_over([value * room for value in values])


def _x(scale: Stretch, value: float) -> float:
    return _LEFT + scale.share(value) * (WIDTH - _LEFT - _RIGHT)


def _keys(figure: Panels) -> str:
    """What each mark stands for, from left to right, in a line or two."""
    drawn, x, y = [], _LEFT, 14.0
    for series in {series.name: series for series in figure.series()}.values():
        wide = 34 + 6.8 * len(series.name)
        if x + wide > WIDTH and x > _LEFT:
            x, y = _LEFT, y + 17
        if series.shape in ("line", "both"):
            drawn.append(line([[(x, y), (x + 24, y)]], series.role))
        if series.shape == "area":
            drawn.append(area([(x + 4, y - 5), (x + 20, y - 5)], y + 5, series.role))
        elif series.shape == "bars":
            drawn.append(bar((x + 4, y - 5), 16, 10, series.role))
        elif series.shape != "line":
            drawn.append(mark((x + 12, y), series.role))
        drawn.append(label(x + 30, y + 4, series.name, kind="tick"))
        x += wide
    return "".join(drawn)


def _breaks(figure: Panels, place: _Place, *, named: bool) -> str:
    if len(figure.breaks) > _BREAKS:
        return ""
    drawn = []
    for value, name in figure.breaks:
        x = _x(place.across, value)
        drawn.append(
            element("line", x1=x, x2=x, y1=place.top, y2=place.top + place.tall, class_="break")
        )
        if named and len(figure.breaks) <= _NAMED_BREAKS:
            drawn.append(label(x + 3, place.top + 10, name[:18], kind="tick"))
    return "".join(drawn)


def _axis(figure: Panels, scale: Stretch, bottom: float) -> str:
    if figure.labels:
        most = int((WIDTH - _LEFT - _RIGHT) / len(figure.labels) / _LETTER)
        ticks = [(float(at), _cut(name, most)) for at, name in enumerate(figure.labels)]
    else:
        ticks = [(tick, tick_label(tick)) for tick in scale.ticks()]
    marks = (
        label(_x(scale, at), bottom + 15, name, at="middle", kind="tick") for at, name in ticks
    )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    return "".join(marks) + label(middle, bottom + 34, figure.across, at="middle", kind="soft")


def _cut(name: str, most: int) -> str:
    """A label that ends before the next one begins; tables have it whole."""
    return name if len(name) <= most else f"{name[: max(1, most - 1)]}…"


def _share_label(tick: float) -> str:
    return f"{tick:.0%}"


class _Place:
    """Where one panel is drawn."""

    def __init__(self, top: float, tall: float, across: Stretch, panel: Panel) -> None:
        self.top, self.tall, self.across, self.up = top, tall, across, _up(panel)
        self.tick = _share_label if panel.share else tick_label
        self.write = _share_label if panel.share else number

    def y(self, value: float) -> float:
        return self.top + (1 - self.up.share(value)) * self.tall

    def at(self, x: float, y: float) -> Dot:
        return _x(self.across, x), self.y(y)

    def frame(self, title: str) -> str:
        rows = "".join(self._row(tick) for tick in self.up.ticks())
        return label(_LEFT, self.top - 8, title, kind="head") + rows

    def _row(self, tick: float) -> str:
        y = self.y(tick)
        kind = "axis" if tick == 0 else "grid"
        ruled = element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_=kind)
        return ruled + label(_LEFT - 7, y + 4, self.tick(tick), at="end", kind="tick")

    def draw(self, series: Series, bars: Sequence[Series]) -> str:
        if series.shape == "bars":
            return self._bars(series, bars.index(series), len(bars))
        runs = list(self._runs(series))
        if series.shape == "area":
            base = self.top + self.tall
            return "".join(area(run, base, series.role) for run in runs)
        drawn = line(runs, series.role) if series.shape in ("line", "both") else ""
        return drawn if series.shape == "line" else drawn + self._dots(series, runs)

    def _dots(self, series: Series, runs: Sequence[Sequence[Dot]]) -> str:
        if len(series.x) > _MANY:
            return swarm((dot for run in runs for dot in run), series.role)
        told = series.told or ("",) * len(series.x)
        return "".join(
            mark(self.at(x, y), series.role, words)
            for x, y, words in zip(series.x, series.y, told, strict=True)
            if y is not None
        )

    def _runs(self, series: Series) -> Iterator[list[Dot]]:
        run: list[Dot] = []
        for x, y in zip(series.x, series.y, strict=True):
            if y is None:
                yield run
                run = []
            else:
                run.append(self.at(x, y))
        yield run

    def _bars(self, series: Series, at: int, many: int) -> str:
        wide = (_x(self.across, 1) - _x(self.across, 0)) * 0.7 / many
        wide = min(wide, 60.0)
        base = self.y(self.up.low if self.up.low > 0 else 0.0)
        told = series.told or ("",) * len(series.x)
        drawn = []
        for x, y, words in zip(series.x, series.y, told, strict=True):
            if y is not None:
                left = _x(self.across, x) + (at - many / 2) * wide
                top = self.y(y)
                drawn.append(bar((left, top), wide - 2, base - top, series.role, words))
                middle = left + wide / 2 - 1
                drawn.append(label(middle, top - 4, self.write(y), at="middle", kind="tick"))
        return "".join(drawn)
