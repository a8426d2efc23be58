"""Figures as Plotly's JSON: traces and a layout without colours.

Colours are the page's: each trace says its role in ``meta``, and the page paints it as its theme
asks. Everything else (marks, dashes, axes) is here, so that a figure is whole without the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from autotune.report.page.arrays import packed
from autotune.report.page.figures import Figure, Panel, Panels, Row, Rows, Series
from autotune.report.page.palette import look
from autotune.report.page.scales import is_wide
from autotune.report.plot_scale import log_over, tick_label

_SYMBOLS = {"triangle": "triangle-up", "cross": "x-thin"}
_PANEL_PX, _LONE_PANEL_PX, _ROW_PX = 170, 320, 32
_TOP_PX, _ROWS_TOP_PX, _TITLE_PX, _BOTTOM_PX = 62, 32, 20, 48
_GAP = 0.075
_MANY = 150
"""Points from which marks are small."""
_NAMED_BREAKS, _BREAKS = 10, 80
_LONG_NAME = 34
_FEW_LABELS = 3


def plotly(figure: Figure) -> dict[str, Any]:
    """``{"data": [...], "layout": {...}}`` of a figure."""
    return _panels(figure) if isinstance(figure, Panels) else _rows(figure)


def height_px(figure: Figure) -> int:
    """How tall it is drawn."""
    if isinstance(figure, Rows):
        return _ROW_PX * len(figure.rows) + _ROWS_TOP_PX + _BOTTOM_PX
    many = len(figure.panels)
    return (_LONE_PANEL_PX if many == 1 else _PANEL_PX * many) + _TOP_PX + _BOTTOM_PX


def short(name: str) -> str:
    """A name for an axis: cut where it is long."""
    return name if len(name) <= _LONG_NAME else f"{name[: _LONG_NAME - 1]}…"


def _layout(figure: Figure, **more: Any) -> dict[str, Any]:
    top = _TOP_PX if isinstance(figure, Panels) else _ROWS_TOP_PX
    inside = height_px(figure) - top - _BOTTOM_PX
    above = 1 + _TITLE_PX / inside
    legend = {"orientation": "h", "x": 0, "y": above, "yanchor": "bottom", "title": {"text": ""}}
    return {
        "height": height_px(figure),
        "margin": {"l": 52, "r": 14, "t": top, "b": _BOTTOM_PX},
        "legend": legend,
        "hovermode": "closest",
        "font": {"size": 12},
        **more,
    }


def _panels(figure: Panels) -> dict[str, Any]:
    domains = list(_domains(len(figure.panels)))
    layout = _layout(figure, xaxis=_across(figure, len(figure.panels)))
    notes = []
    for at, (panel, domain) in enumerate(zip(figure.panels, domains, strict=True), start=1):
        layout[f"yaxis{'' if at == 1 else at}"] = {"domain": domain, **_up(panel)}
        if panel.title:
            notes.append(_note(panel.title, domain[1]))
    layout["annotations"] = [*notes, *_break_names(figure)]
    layout["shapes"] = _break_lines(figure)
    layout["showlegend"] = len({series.name for series in figure.series()}) > 1
    layout["barmode"] = "group"
    layout["bargap"] = 0.3 if len(figure.labels) > _FEW_LABELS else 0.6
    return {"data": list(_traces(figure)), "layout": layout}


def _up(panel: Panel) -> dict[str, Any]:
    """A panel's own axis. By ratio it has the ticks that people read: 1, 2, 5, 10."""
    axis: dict[str, Any] = {"automargin": True}
    if panel.log:
        ticks = log_over(y for series in panel.series for _, y in series.known()).ticks()
        texts = [tick_label(tick) for tick in ticks]
        return {**axis, "type": "log", "tickvals": list(ticks), "ticktext": texts}
    axis |= {"type": "linear", "rangemode": "tozero", "nticks": 6}
    return {**axis, "tickformat": ".0%"} if panel.share else axis


def _domains(many: int) -> Iterator[tuple[float, float]]:
    """From the top down, with room for a title above each."""
    high = (1 - _GAP * (many - 1)) / many
    for at in range(many):
        top = 1 - at * (high + _GAP)
        yield round(max(0.0, top - high), 4), round(top, 4)


def _across(figure: Panels, many: int) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "title": {"text": figure.across, "standoff": 8},
        "anchor": f"y{'' if many == 1 else many}",
        "automargin": True,
    }
    if figure.labels:
        axis["tickvals"] = list(range(len(figure.labels)))
        axis["ticktext"] = [short(label) for label in figure.labels]
        axis["range"] = [-0.6, len(figure.labels) - 0.4]
    return axis


def _note(text: str, top: float) -> dict[str, Any]:
    return {
        "text": text, "x": 0, "y": top, "xref": "paper", "yref": "paper",
        "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 12},
    }  # fmt: skip


def _break_lines(figure: Panels) -> list[dict[str, Any]]:
    if len(figure.breaks) > _BREAKS:
        return []
    return [
        {
            "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"width": 1, "dash": "dot"}, "layer": "below",
        }
        for x, _ in figure.breaks
    ]  # fmt: skip


def _break_names(figure: Panels) -> list[dict[str, Any]]:
    if len(figure.breaks) > _NAMED_BREAKS:
        return []
    return [
        {
            "text": short(name), "x": x, "y": 0, "xref": "x", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "showarrow": False, "font": {"size": 10}, "textangle": -90,
        }
        for x, name in figure.breaks
        if name
    ]  # fmt: skip


def _traces(figure: Panels) -> Iterator[dict[str, Any]]:
    shown: set[str] = set()
    for at, panel in enumerate(figure.panels, start=1):
        for series in panel.series:
            new = series.name not in shown
            shown.add(series.name)
            yield {
                **_trace(series, panel),
                "name": series.name,
                "legendgroup": series.name,
                "showlegend": new,
                "meta": series.role,
                "xaxis": "x",
                "yaxis": f"y{'' if at == 1 else at}",
            }


def _trace(series: Series, panel: Panel) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "x": packed(series.x),
        "y": packed([_drawable(value, panel) for value in series.y]),
        **_hover(series.told),
    }
    if series.shape == "bars":
        pattern = "/" if look(series.role).dash != "solid" else ""
        marker = {"pattern": {"shape": pattern, "fillmode": "overlay"}}
        shown = "y:.0%" if panel.share else "y:.3~r"
        return {**trace, "type": "bar", "marker": marker, **_written(shown)}
    lines, dots = series.shape in ("line", "both", "area"), series.shape in ("dots", "both")
    trace |= {"type": "scatter", "mode": "+".join(["lines"] * lines + ["markers"] * dots)}
    if lines:
        trace["line"] = {"dash": look(series.role).dash, "width": 2}
    if dots:
        trace["marker"] = _marker(series.role, len(series.x))
    if series.shape == "area":
        trace |= {"fill": "tozeroy", "line": {"width": 0.5, "shape": "hvh"}}
    return trace


def _written(value: str) -> dict[str, Any]:
    """The value beside its bar, so that it can be read without pointing at it."""
    return {"texttemplate": f"%{{{value}}}", "textposition": "outside", "cliponaxis": False}


def _drawable(value: float | None, panel: Panel) -> float | None:
    """What has no place on an axis by ratio is left out, as is what is absent."""
    return None if value is None or (panel.log and value <= 0) else value


def _marker(role: str, points: int) -> dict[str, Any]:
    symbol = look(role).symbol
    named = _SYMBOLS.get(symbol, symbol)
    marker: dict[str, Any] = {"symbol": named, "size": 9 if points <= _MANY else 5}
    if named == "x-thin":
        marker["line"] = {"width": 2}
    if role == "trial":
        marker["opacity"] = 0.65
    return marker


def _hover(told: Sequence[str]) -> dict[str, Any]:
    if not told:
        return {}
    return {"text": [hover_text(one) for one in told], "hovertemplate": "%{text}<extra></extra>"}


def hover_text(text: str) -> str:
    """`text` for Plotly's labels, which read a little HTML: nothing of it is markup here."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("\n", "<br>")


def _rows(figure: Rows) -> dict[str, Any]:
    names = [short(row.name) for row in figure.rows]
    layout = _layout(
        figure,
        xaxis={
            "title": {"text": figure.across, "standoff": 8},
            "automargin": True,
            "type": "log"
            if figure.reference is not None and is_wide(figure.values())
            else "linear",
            "nticks": 6,
        },
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [hover_text(name) for name in names],
            "autorange": "reversed",
            "automargin": True,
        },
        showlegend=False,
        bargap=0.35,
        shapes=_reference(figure),
    )
    return {"data": list(_row_traces(figure)), "layout": layout}


def _reference(figure: Rows) -> list[dict[str, Any]]:
    if figure.reference is None:
        return []
    at = figure.reference
    line = {"width": 1.5, "dash": "dash"}
    return [{"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}]


def _row_traces(figure: Rows) -> Iterator[dict[str, Any]]:
    for role in dict.fromkeys(row.role for row in figure.rows):
        rows = [(at, row) for at, row in enumerate(figure.rows) if row.role == role]
        trace: dict[str, Any] = {
            "name": role,
            "meta": role,
            "y": [at for at, _ in rows],
            "x": [row.value for _, row in rows],
            **_hover([row.told or row.name for _, row in rows]),
        }
        if figure.reference is None:
            yield {**trace, "type": "bar", "orientation": "h", **_written("x:.3~r")}
        else:
            yield {
                **trace,
                "type": "scatter",
                "mode": "markers",
                "marker": {**_marker(role, len(rows)), "size": 11},
                "error_x": _bounds([row for _, row in rows]),
            }


def _bounds(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if row.high is None else row.high - row.value for row in rows],
        "arrayminus": [0.0 if row.low is None else row.value - row.low for row in rows],
        "thickness": 2,
        "width": 6,
    }
