"""Small plots of letters: bars, sparklines and a scatter, within the columns that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log

from rich.text import Text

from autotune.report.page.figures import Panel, Panels, Row, Rows, Series
from autotune.report.text import number, share, times

STYLES = {
    "default": "yellow",
    "tuned": "cyan",
    "closest": "cyan",
    "incumbent": "green",
    "front": "magenta",
    "failed": "red",
    "prompt": "dim",
    "trial": "dim",
    "arm0": "yellow",
    "arm1": "cyan",
    "arm2": "green",
    "arm3": "magenta",
}
Show = Callable[[float | None], str]
_EIGHTHS = "▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_NAME, _VALUE = 24, 10
_SCATTER = (56, 12)
_SIGNS = {"default": "D", "tuned": "W", "closest": "C", "incumbent": "I", "front": "+"}


def rows_lines(figure: Rows, columns: int) -> Iterator[Text]:
    """A bar for each row, or a mark with its interval on an axis of ratios."""
    room = max(10, columns - _NAME - _VALUE - 2)
    for row in figure.rows:
        drawn = (
            _interval(figure, row, room)
            if figure.reference is not None
            else _bar(figure, row, room)
        )
        value = times(row.value) if figure.reference is not None else number(row.value)
        yield Text.assemble(
            _named(row.name), (f"{drawn:<{room}}", STYLES.get(row.role, "")), f"{value:>{_VALUE}}"
        )


def _named(name: str) -> str:
    cut = name if len(name) < _NAME else f"{name[: _NAME - 2]}…"
    return f"{cut:<{_NAME}}"


def _bar(figure: Rows, row: Row, room: int) -> str:
    most = max((one.value for one in figure.rows), default=0.0)
    return bar(row.value / most if most > 0 else 0.0, room)


def bar(part: float, room: int) -> str:
    """A bar of `part` of `room` columns, to an eighth of a column."""
    eighths = round(max(0.0, min(1.0, part)) * room * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def _interval(figure: Rows, row: Row, room: int) -> str:
    values = [value for value in figure.values() if value > 0]
    low, high = log(min(values)), log(max(values))

    def at(value: float) -> int:
        return round((log(value) - low) / ((high - low) or 1.0) * (room - 1))

    line = [" "] * room
    if row.low is not None and row.high is not None and row.low > 0:
        for place in range(at(row.low), at(row.high) + 1):
            line[place] = "─"
    if figure.reference is not None:
        line[at(figure.reference)] = "┊"
    line[at(max(row.value, min(values)))] = "●"
    return "".join(line)


def panels_lines(figure: Panels, columns: int) -> Iterator[Text]:
    """Bars by label, a scatter for points alone, sparklines for everything else."""
    for panel in figure.panels:
        if all(series.shape in ("dots", "line") for series in panel.series) and not figure.labels:
            yield Text(panel.title, style="dim")
            yield from scatter(panel, figure.across)
        elif figure.labels:
            yield Text(panel.title, style="dim")
            yield from _labelled(figure, panel, columns)
        else:
            yield Text(panel.title, style="dim")
            show = share if panel.share else number
            for series in panel.series:
                yield spark(series, columns, log_scale=panel.log, show=show)


def _labelled(figure: Panels, panel: Panel, columns: int) -> Iterator[Text]:
    most = max((y for s in panel.series for _, y in s.known()), default=0.0)
    show = share if panel.share else number
    room = max(10, columns - _NAME - _VALUE - 2)
    for at, label in enumerate(figure.labels):
        for series in panel.series:
            value = series.y[at]
            if value is not None:
                drawn = bar(value / most if most else 0.0, room)
                yield Text.assemble(
                    _named(f"{label} {series.name}"),
                    (f"{drawn:<{room}}", STYLES.get(series.role, "")),
                    f"{show(value):>{_VALUE}}",
                )


def spark(series: Series, columns: int, *, log_scale: bool = False, show: Show = number) -> Text:
    """The series in a line with its least and greatest; points of one column show their most."""
    room = max(10, columns - _NAME - 20)
    known = [(x, y) for x, y in series.known() if y > 0 or not log_scale]
    if not known:
        return Text(_named(series.name) + "not measured")
    values = [y for _, y in known]
    low, high = min(values), max(values)
    end = len(series.x)
    width = min(room, end)
    columns_ = [" "] * width
    best: dict[int, float] = {}
    for place, value in enumerate(series.y):
        if value is not None and (value > 0 or not log_scale):
            column = place * width // end
            best[column] = max(best.get(column, value), value)
    for column, value in best.items():
        columns_[column] = _LEVELS[_level(value, low, high, log_scale=log_scale)]
    span = f"  {'0' if low == 0 else show(low)} to {show(high)}"
    return Text.assemble(
        _named(series.name), ("".join(columns_), STYLES.get(series.role, "")), span
    )


def _level(value: float, low: float, high: float, *, log_scale: bool) -> int:
    least = low if log_scale else min(0.0, low)
    if high <= least:
        return len(_LEVELS) // 2
    part = log(value / least) / log(high / least) if log_scale else (value - least) / (high - least)
    return min(len(_LEVELS) - 1, int(part * len(_LEVELS)))


def scatter(panel: Panel, across: str) -> Iterator[Text]:
    """Points on a grid of letters: default D, winner W, closest C, incumbent I, others a dot."""
    points = [(x, y, s.role) for s in panel.series if s.shape == "dots" for x, y in s.known()]
    if not points:
        return
    wide, tall = _SCATTER
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    (left, right), (low, high) = (min(xs), max(xs)), (min(ys), max(ys))
    grid = [[" "] * wide for _ in range(tall)]
    for x, y, role in sorted(points, key=lambda p: p[2] in _SIGNS):
        column = round((x - left) / ((right - left) or 1.0) * (wide - 1))
        row = round((high - y) / ((high - low) or 1.0) * (tall - 1))
        grid[row][column] = _SIGNS.get(role, "·")
    for at, line in enumerate(grid):
        edge = number(high) if at == 0 else number(low) if at == tall - 1 else ""
        yield Text(f"{edge:>8} │{''.join(line)}")
    yield Text(f"{'':>8} └{'─' * wide}")
    yield Text(f"{'':>9} {number(left)} to {number(right)}: {across}", style="dim")
    signs = {role: _SIGNS[role] for _, _, role in points if role in _SIGNS}
    names = {s.role: s.name for s in panel.series}
    told = ", ".join(f"{sign} {names[role]}" for role, sign in signs.items())
    if told:
        yield Text(f"{'':>9} {told}", style="dim")


def lines(figure: Panels | Rows, columns: int) -> list[Text]:
    """A figure in letters."""
    found = (
        rows_lines(figure, columns) if isinstance(figure, Rows) else panels_lines(figure, columns)
    )
    return list(found)


def is_small(figure: Panels | Rows) -> bool:
    """Whether it has a place on a terminal: not more rows than a screen."""
    rows = figure.rows if isinstance(figure, Rows) else figure.labels
    return len(rows) <= 16
