"""Marks, lines and bars of a static plot, as SVG. What they mean is in their class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from math import cos, pi, sin

from autotune.report.page.palette import look
from autotune.report.svg import Dot, element

_SIZE = 4.2


def mark(place: Dot, role: str, told: str = "", size: float = _SIZE) -> str:
    """One point in the shape of its role, with what it says when pointed at."""
    title = element("title", escape(told)) if told else ""
    if look(role).symbol == "circle":
        return element("circle", title, cx=place[0], cy=place[1], r=size * 0.9, class_=f"m-{role}")
    symbol = look(role).symbol
    kind = f"x m-{role}" if symbol == "cross" else f"m-{role}"
    return element("path", title, d=_outline(symbol, place, size), class_=kind)


def _outline(symbol: str, place: Dot, size: float) -> str:
    x, y = place
    if symbol == "cross":
        reach, wide = size * 0.85, size * 1.7
        start = f"M{x - reach:.1f} {y - reach:.1f}"
        return f"{start}l{wide:.1f} {wide:.1f}m0 {-wide:.1f}l{-wide:.1f} {wide:.1f}"
    corners = " ".join(f"{x + dx * size:.1f} {y + dy * size:.1f}" for dx, dy in _CORNERS[symbol])
    return f"M{corners}z"


def _star() -> Iterator[Dot]:
    for at in range(10):
        radius = 1.25 if at % 2 == 0 else 0.55
        angle = pi * at / 5 - pi / 2
        yield radius * cos(angle), radius * sin(angle)


_CORNERS: dict[str, Sequence[Dot]] = {
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "diamond": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "triangle": ((0, -1.15), (1.1, 0.85), (-1.1, 0.85)),
    "triangle-down": ((0, 1.15), (1.1, -0.85), (-1.1, -0.85)),
    "star": tuple(_star()),
}


def swarm(places: Iterable[Dot], role: str) -> str:
    """Many points in few bytes: round dots without a word."""
    drawn = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    return element("path", d=drawn, class_=f"swarm s-{role}") if drawn else ""


def line(runs: Iterable[Sequence[Dot]], role: str) -> str:
    """A line for each run of points; a run of one is seen by its mark alone."""
    drawn = "".join(
        f"M{' '.join(f'{x:.1f} {y:.1f}' for x, y in run)}" for run in runs if len(run) > 1
    )
    return element("path", d=drawn, class_=f"line s-{role}") if drawn else ""


def area(run: Sequence[Dot], base: float, role: str) -> str:
    """What lies between the points and `base`, in steps halfway from each to the next."""
    if len(run) < 2:
        return ""
    shape = f"M{run[0][0]:.1f} {base:.1f}V{run[0][1]:.1f}"
    for (x, _), (after, y) in pairwise(run):
        shape += f"H{(x + after) / 2:.1f}V{y:.1f}"
    shape += f"H{run[-1][0]:.1f}V{base:.1f}z"
    return element("path", d=shape, class_=f"area m-{role}")


def bar(corner: Dot, width: float, height: float, role: str, told: str = "") -> str:
    """A filled rectangle from its upper left corner; that of a dashed role is hatched."""
    kind = "bar" if look(role).dash == "solid" else "bar hollow"
    title = element("title", escape(told)) if told else ""
    x, y = corner
    wide, high = max(0.0, width), max(0.0, height)
    return element(
        "rect", title, x=x, y=y, width=wide, height=high, rx=1.5, class_=f"{kind} m-{role} s-{role}"
    )
