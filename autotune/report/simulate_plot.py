"""Regret over engine-seconds as a picture: the median of the searches, on the band of the middle
half.

A panel for each budget of one source, a table of figures below. A file of its own that any browser
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autotune.report.plot_panel import LEFT, WIDTH, Panel
from autotune.report.plot_scale import Linear, Log
from autotune.report.simulate_style import COLOURS, style
from autotune.report.simulate_words import cells, facts, headline
from autotune.report.svg import Dot, element, label
from autotune.report.text import duration
from autotune.strategies.curves import Curve, Point, curves
from autotune.strategies.figures import Figures, Group, figures
from autotune.strategies.table import STRATEGIES

LEAST = 0.005
"""Regret below half a percent is drawn there: a logarithmic axis has no zero."""

_TITLE = "Regret over engine-seconds"
_TOP, _HEIGHT, _GAP, _ROW = 66.0, 260.0, 150.0, 18.0
_AXIS = "engine-seconds: load, warm-up, replay and stop"
_KEY_AT = 70.0
_HEADS = ("", "to within 5%", "95th", "never", "ours takes", "final regret", "worse than default")
_SHOWN = (0, 1, 2, 3, 4, 7, 10)
"""Which cells of a row stand below the plot."""
_COLUMNS_AT = (LEFT, 300.0, 380.0, 450.0, 540.0, 650.0, 800.0)


def plot(groups: Sequence[Group]) -> str:
    """The groups of one source as the text of an SVG file."""
    height, drawn = _TOP, []
    for group in groups:
        part = "".join(_group(group, height))
        drawn.append(part)
        height += _HEIGHT + _GAP + _ROW * (len(group.results) + 2)
    return element(
        "svg",
        element("title", f"{_TITLE}. {headline(groups[0])}"),
        element("style", style()),
        element("rect", width="100%", height="100%", class_="ground"),
        label(LEFT, 26, f"{_TITLE}: {groups[0].source.name}", kind="title"),
        label(LEFT, 45, _told(groups[0]), kind="soft"),
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        width=WIDTH,
        role="img",
    ) + "\n"  # fmt: skip


def _told(group: Group) -> str:
    searches = max(len(rows) for rows in group.results.values())
    return f"{group.source.kind}: {group.source.title}; {searches} searches of each strategy"


def _group(group: Group, top: float) -> Iterator[str]:
    found = curves(group)
    panel = _panel(group, found, top + 20)
    yield panel.frame()
    for curve in found:
        yield _area(panel, curve)
    for curve in found:
        yield panel.line([(x, y) for x, y in _dots(curve, "median")], kind_of(curve.strategy))
    yield panel.axis(_AXIS)
    yield label(LEFT, panel.bottom + 56, facts(group), kind="soft")
    yield from _table(figures(group), panel.bottom + 78)


def _panel(group: Group, found: Sequence[Curve], top: float) -> Panel:
    highest = max((y for curve in found for _, y in _dots(curve, "high")), default=1.0)
    title = (
        f"Slower than the best by, within {duration(group.budget_s)} of engine time "
        "(1 is twice as long; logarithmic)"
    )
    scale = Log(LEAST, max(1.0, highest * 1.1))
    return Panel(title, top, _HEIGHT, Linear(0.0, group.budget_s), scale)


def kind_of(strategy: str) -> str:
    """The class of a strategy's line."""
    return f"s{list(STRATEGIES).index(strategy) % len(COLOURS)}"


def _dots(curve: Curve, which: str) -> list[Dot]:
    """One of ``low``, ``median`` and ``high`` where it is known."""
    values = ((p.engine_s, getattr(p, which)) for p in curve.points)
    return [(x, max(LEAST, y)) for x, y in values if y is not None]


def _area(panel: Panel, curve: Curve) -> str:
    known: list[Point] = [p for p in curve.points if p.high is not None]
    if len(known) < 2:
        return ""
    upper = [(p.engine_s, p.high or 0.0) for p in known]
    lower = [(p.engine_s, p.low or 0.0) for p in reversed(known)]
    places = " ".join(f"{panel.x(x):.1f},{panel.y(max(LEAST, y)):.1f}" for x, y in [*upper, *lower])
    return element("polygon", points=places, class_=f"area {kind_of(curve.strategy)}")


def _table(rows: Sequence[Figures], top: float) -> Iterator[str]:
    """Figures below a panel; the line of each strategy stands before its name."""
    yield from _texts(_HEADS, top, "soft")
    for at, row in enumerate(rows, start=1):
        y, told = top + _ROW * at, cells(row)
        points = f"{LEFT},{y - 4} {LEFT + 26},{y - 4}"
        yield element("polyline", points=points, class_=f"line {kind_of(row.strategy)}")
        yield from _texts([told[at] for at in _SHOWN], y, "figure")


def _texts(texts: Sequence[str], y: float, kind: str) -> Iterator[str]:
    for at, (x, text) in enumerate(zip(_COLUMNS_AT, texts, strict=True)):
        yield label(x if at else x + 34, y, text, at="end" if at else "start", kind=kind)
