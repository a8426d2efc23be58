"""The prefix-cache experiment as one picture: turn by turn against depth, warm and cold.

Four panels share the depth axis: TTFT by ratio, what reuse saved with the interval of each depth
bucket, the tokens reused, and the decode rate. The table of buckets stands below, so that the
picture can be read without pointing at it. A file of its own that any browser shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from autotune.report.cache_style import style
from autotune.report.cache_table import COLUMNS, headline, notes, rows
from autotune.report.plot_panel import LEFT, RIGHT, WIDTH, Panel
from autotune.report.plot_scale import Linear, Scale, linear_over, log_over
from autotune.report.svg import Dot, element, label
from autotune.report.text import number, plural
from autotune.scoring.cache_buckets import BucketEffect
from autotune.scoring.cache_effect import CacheEffect, TurnEffect
from autotune.workload.depth import DepthRange, parse_depth_range

Read = Callable[[TurnEffect], float | None]

_TITLE = "The same prompts with prefix reuse and without"
_AXIS = "depth: prompt tokens of the turn"
_FIRST_TOP, _GAP, _AXIS_ROOM, _ROW = 122.0, 40.0, 52.0, 19.0
_HEIGHTS = (210.0, 130.0, 130.0, 110.0)
_NARROW = 44.0
"""Pixels that a bucket's name needs."""
_TABLE_AT = (LEFT, 162.0, 268.0, 384.0, 462.0, 580.0, 646.0, 716.0, 786.0, 862.0)
"""Where the columns of the table end; the first begins there."""


def plot(effect: CacheEffect, subject: str = "") -> str:
    """The picture as the text of an SVG file."""
    panels = _panels(effect)
    end = panels[-1].bottom + _AXIS_ROOM
    table = "".join(_table(effect, end))
    height = end + _ROW * (len(rows(effect)) + len(list(notes(effect))) + 3)
    drawn = (_ttft, _saved, _reused, _decode)
    return element(
        "svg",
        element("title", f"{_TITLE}. {headline(effect)}"),
        element("style", style()),
        element("rect", width="100%", height="100%", class_="ground"),
        _head(effect, subject),
        *(_grounds(panel, effect, named=panel is panels[0]) for panel in panels),
        *(panel.frame() + draw(panel, effect) for panel, draw in zip(panels, drawn, strict=True)),
        panels[-1].axis(_AXIS),
        table,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        width=WIDTH,
        role="img",
    ) + "\n"  # fmt: skip


def _panels(effect: CacheEffect) -> tuple[Panel, ...]:
    turns = effect.turns
    deepest = max(_values(turns, lambda t: t.depth_tokens), default=1)
    bounds = [v for b in effect.buckets for v in (b.saved_low_s, b.saved_high_s) if v is not None]
    across = Linear(0.0, deepest * 1.02)
    ttfts = _values(turns, lambda t: t.ttft_warm_s) + _values(turns, lambda t: t.ttft_cold_s)
    rates = _values(turns, lambda t: t.decode_warm_tps) + _values(
        turns, lambda t: t.decode_cold_tps
    )
    named: tuple[tuple[str, Scale], ...] = (
        ("Time to first token (TTFT), seconds, logarithmic", log_over(ttfts)),
        (
            "TTFT saved by reuse, seconds: each turn; median and 95% interval of each depth",
            linear_over([*_values(turns, lambda t: t.ttft_saved_s), *bounds]),
        ),
        ("Prompt tokens: all (dotted), and reused by the warm turn", linear_over([deepest])),
        ("Decode rate, tokens per second", linear_over(rates)),
    )
    made: list[Panel] = []
    top = _FIRST_TOP
    for (title, scale), height in zip(named, _HEIGHTS, strict=True):
        made.append(Panel(title, top, height, across, scale))
        top += height + _GAP
    return tuple(made)


def _head(effect: CacheEffect, subject: str) -> str:
    turns = plural(len(effect.turns), "turn")
    told = f"{turns} of {plural(len(effect.sessions), 'session')}, {plural(effect.blocks, 'block')}"
    about = f"{subject}: {told}" if subject else told
    return (
        label(LEFT, 26, _TITLE, kind="title")
        + label(LEFT, 45, about, kind="soft")
        + label(LEFT, 64, headline(effect))
        + _key(LEFT, "cold", "cold: prefix reuse off")
        + _key(LEFT + 190, "warm", "warm: prefix reuse on")
    )


def _key(x: float, kind: str, text: str) -> str:
    y = 82.0
    line = element("polyline", points=f"{x},{y} {x + 26},{y}", class_=f"line {kind}")
    if kind == "cold":
        sign = element("rect", x=x + 9.8, y=y - 3.2, width=6.4, height=6.4, class_=f"mark {kind}")
    else:
        sign = element("circle", cx=x + 13, cy=y, r=3.4, class_=f"mark {kind}")
    return line + sign + label(x + 33, y + 4, text)


def _grounds(panel: Panel, effect: CacheEffect, *, named: bool) -> str:
    """Every other depth bucket on a ground of its own, with the buckets' names on top."""
    made = []
    for at, bucket in enumerate(effect.buckets):
        low, high = _reach(panel, parse_depth_range(bucket.bucket))
        if at % 2:
            made.append(panel.band(low, high))
        if named and panel.x(high) - panel.x(low) >= _NARROW:
            middle = (panel.x(low) + panel.x(high)) / 2
            made.append(label(middle, panel.top + 12, bucket.bucket, at="middle", kind="tick"))
    return "".join(made)


def _reach(panel: Panel, depth: DepthRange) -> Dot:
    """A bucket's ends as far as the axis goes."""
    high = panel.x_scale.high
    return min(depth.low, high), high if depth.high is None else min(depth.high, high)


def _ttft(panel: Panel, effect: CacheEffect) -> str:
    return _both(panel, effect, lambda t: t.ttft_cold_s, lambda t: t.ttft_warm_s)


def _decode(panel: Panel, effect: CacheEffect) -> str:
    return _both(panel, effect, lambda t: t.decode_cold_tps, lambda t: t.decode_warm_tps)


def _both(panel: Panel, effect: CacheEffect, cold: Read, warm: Read) -> str:
    return (
        _lines(panel, effect, cold, "cold")
        + _lines(panel, effect, warm, "warm")
        + panel.squares(_dots(effect.turns, cold), "cold")
        + panel.circles(_dots(effect.turns, warm), "warm")
    )


def _reused(panel: Panel, effect: CacheEffect) -> str:
    def whole(turn: TurnEffect) -> float | None:
        return turn.depth_tokens

    def reused(turn: TurnEffect) -> float | None:
        return turn.reused_tokens

    return (
        _lines(panel, effect, whole, "prompt")
        + _lines(panel, effect, reused, "warm")
        + panel.circles(_dots(effect.turns, reused), "warm")
    )


def _saved(panel: Panel, effect: CacheEffect) -> str:
    turns = panel.circles(_dots(effect.turns, lambda t: t.ttft_saved_s), "saved")
    return "".join(_saved_at(panel, bucket) for bucket in effect.buckets) + turns


def _saved_at(panel: Panel, bucket: BucketEffect) -> str:
    """The median of a bucket across its depths, on the ground of its interval."""
    if bucket.saved_p50_s is None:
        return ""
    across = _reach(panel, parse_depth_range(bucket.bucket))
    middle = panel.line([(x, bucket.saved_p50_s) for x in across], "saved")
    if bucket.saved_low_s is None or bucket.saved_high_s is None:
        return middle
    bounds = (bucket.saved_low_s, bucket.saved_high_s)
    return panel.block(across, bounds, "interval") + middle


def _lines(panel: Panel, effect: CacheEffect, read: Read, kind: str) -> str:
    """A line for each session, through its turns in their order."""
    made = []
    for _, turns in groupby(effect.turns, lambda turn: turn.session_id):
        dots = [dot for dot, _ in _dots(list(turns), read)]
        made.append(panel.line(dots, kind))
    return "".join(made)


def _dots(turns: Sequence[TurnEffect], read: Read) -> list[tuple[Dot, str]]:
    """Depth and value of the turns that have both, and everything of the turn in words."""
    return [
        ((turn.depth_tokens, value), _told(turn))
        for turn in turns
        if turn.depth_tokens is not None and (value := read(turn)) is not None
    ]


def _told(turn: TurnEffect) -> str:
    reused = "not reported" if turn.reused_tokens is None else f"{turn.reused_tokens:,} reused"
    lines = [f"{turn.session_id}, turn {turn.turn}: {turn.depth_tokens:,} tokens, {reused}"]
    lines.append(f"TTFT {number(turn.ttft_cold_s)} s cold, {number(turn.ttft_warm_s)} s warm")
    lines.append(f"wall {number(turn.wall_cold_s)} s cold, {number(turn.wall_warm_s)} s warm")
    rates = f"{number(turn.decode_cold_tps)} tok/s cold, {number(turn.decode_warm_tps)} warm"
    return "\n".join([*lines, rates])


def _values(turns: Sequence[TurnEffect], read: Read) -> list[float]:
    return [value for turn in turns if (value := read(turn)) is not None]


def _table(effect: CacheEffect, top: float) -> Iterator[str]:
    """The buckets' figures below the panels, then what a reader must know of them."""
    y = top
    for heads in zip(*(name.split("\n") for name in COLUMNS), strict=True):
        y += _ROW
        yield from _table_row(heads, y, "soft")
    yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y + 6, y2=y + 6, class_="grid")
    for cells in rows(effect):
        y += _ROW
        yield from _table_row(cells, y, "figure")
    for line in notes(effect):
        y += _ROW
        yield label(LEFT, y, line, kind="tick")


def _table_row(cells: Sequence[str], y: float, kind: str) -> Iterator[str]:
    for at, (x, text) in enumerate(zip(_TABLE_AT, cells, strict=True)):
        yield label(x, y, text, at="end" if at else "start", kind=kind)
