"""Figures as PNG, by resvg: in this process, without a browser and without a network.

`resvg-py <https://resvg-py.readthedocs.io>`_ is an extra of the package (``png``). It is resvg
(https://github.com/linebender/resvg) in a wheel: it knows the CSS that figures are drawn with, but
no media queries, and it takes its letters from the fonts of the machine.
"""

from __future__ import annotations

from typing import Any

from autotune.errors import MachineError
from autotune.report.page.drawn import WIDTH, alone
from autotune.report.page.figures import Figure

SCALE = 2
"""Pixels of a PNG for one of the figure: sharp on a screen of two dots a pixel."""

_EXTRA = "pip install 'autotune-serving[png]', or take SVG, which needs nothing"
_FONT = "install one, for example Debian's fonts-dejavu-core, or take SVG, which needs none here"
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'


def check_png() -> None:
    """Raises `MachineError` where no PNG can be drawn: without resvg, or without a font."""
    _library()
    word = '<text y="9" font-family="Arial,sans-serif">m</text>'
    if _drawn(_PROBE.format(word)) == _drawn(_PROBE.format("")):
        raise MachineError("PNG plots need a font, and this machine has none", _FONT)


def png(figure: Figure) -> bytes:
    """The figure on white, `SCALE` times as large as its SVG. `MachineError` without resvg."""
    return _drawn(alone(figure, light_only=True), round(WIDTH * SCALE))


def _drawn(svg: str, width: int | None = None) -> bytes:
    return bytes(_library().svg_to_bytes(svg_string=svg, width=width))


def _library() -> Any:
    try:
        import resvg_py
    except ImportError:
        raise MachineError("PNG plots need resvg-py, which is not installed", _EXTRA) from None
    return resvg_py
