"""Figures as PNG, by resvg: in this process, without a browser and without a network.

`resvg-py <https://resvg-py.readthedocs.io>`_ is an extra of the package (``png``). It is resvg
(https://github.com/linebender/resvg) in a wheel: it knows the CSS that figures are drawn with, but
no media queries, and it takes its letters from the fonts of the machine.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from autotune.errors import MachineError
from autotune.report.page.drawn import WIDTH, alone
from autotune.report.page.figures import Figure

SCALE = 2
"""Pixels of a PNG for one of the figure: sharp on a screen of two dots a pixel."""

_EXTRA = "pip install 'autotune-serving[png]', or take SVG, which needs nothing"
_FONT = "install one, for example Debian's fonts-dejavu-core, or take SVG, which needs none here"
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'


_FAMILIES = (
    "Arial", "DejaVu Sans", "Liberation Sans", "Noto Sans", "Ubuntu", "Cantarell", "Open Sans",
    "Roboto", "Helvetica Neue", "Helvetica", "Segoe UI", "Verdana", "FreeSans",
)  # fmt: skip
"""What ``sans-serif`` may stand for: resvg takes Arial, and asks nobody which fonts there are."""


def check_png() -> None:
    """Raises `MachineError` where no PNG can be drawn: without resvg, or without a font."""
    _family()


@lru_cache(maxsize=1)
def _family() -> str:
    """The first of `_FAMILIES` that this machine has. Raises `MachineError` without any."""
    blank = _drawn(_PROBE.format(""))
    word = _PROBE.format('<text y="9" font-family="sans-serif">m</text>')
    for family in _FAMILIES:
        if _drawn(word, family=family) != blank:
            return family
    raise MachineError("PNG plots need a font, and this machine has none that is known", _FONT)


def png(figure: Figure) -> bytes:
    """The figure on white, `SCALE` times as large as its SVG. `MachineError` without resvg."""
    return _drawn(alone(figure, light_only=True), round(WIDTH * SCALE), _family())


def _drawn(svg: str, width: int | None = None, family: str | None = None) -> bytes:
    drawn = _library().svg_to_bytes(svg_string=svg, width=width, sans_serif_family=family)
    return bytes(drawn)


def _library() -> Any:
    try:
        import resvg_py
    except ImportError:
        raise MachineError("PNG plots need resvg-py, which is not installed", _EXTRA) from None
    return resvg_py
