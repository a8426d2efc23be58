"""The look of the plot of search strategies, for light and dark.

Okabe and Ito's palette ("Color Universal Design", 2008), which readers who see colours otherwise
tell apart; dashes say the same again. Plain rules without variables, as programs that turn SVG into
pictures know no more.
"""

from __future__ import annotations

from collections.abc import Mapping

COLOURS: tuple[tuple[str, str, str], ...] = (
    ("#0072b2", "#56b4e9", ""),
    ("#5c6773", "#9aa5b1", "2 3"),
    ("#b8860b", "#e6c35c", "8 3 2 3"),
    ("#d55e00", "#f0803c", "5 3"),
    ("#8e4585", "#cc79a7", "9 3"),
    ("#00785a", "#2fc495", "4 2"),
    ("#7a5230", "#c79a6f", "1 3"),
)
"""Of the strategies in the order of their table: on light, on dark, and the dashes."""

_LIGHT: Mapping[str, str] = {
    "ground": "#ffffff", "ink": "#1c2127", "soft": "#5c6773", "line": "#dfe3e8",
}  # fmt: skip
_DARK: Mapping[str, str] = {
    "ground": "#15181c", "ink": "#e6e9ed", "soft": "#9aa5b1", "line": "#343b44",
}  # fmt: skip

_RULES = """\
.ground{{fill:{ground}}} text{{fill:{ink}}} text.soft,text.tick{{fill:{soft}}}
.grid{{stroke:{line}}} .axis{{stroke:{soft}}}
"""
_SHAPES = """\
text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif}
text.title{font-size:17px;font-weight:600} text.head{font-size:13px;font-weight:600}
text.tick{font-size:11px} text.figure{font-variant-numeric:tabular-nums}
.grid,.axis{stroke-width:1} .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.area{fill-opacity:.13}
"""


def style() -> str:
    """The rules, dark where the reader's screen is. Strategies are classes ``s0``, ``s1``, ..."""
    dark = _RULES.format(**_DARK) + _strategies(1)
    light = _RULES.format(**_LIGHT) + _strategies(0)
    return f"{_SHAPES}{light}@media (prefers-color-scheme:dark){{\n{dark}}}\n"


def _strategies(column: int) -> str:
    rules = []
    for at, row in enumerate(COLOURS):
        colour, dashes = row[column], row[2]
        drawn = f";stroke-dasharray:{dashes}" if dashes else ""
        rules.append(f".line.s{at}{{stroke:{colour}{drawn}}} .area.s{at}{{fill:{colour}}}\n")
    return "".join(rules)
