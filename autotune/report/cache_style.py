"""The look of the plot of the prefix-cache experiment, for light and dark.

Blue and vermilion of Okabe and Ito's palette ("Color Universal Design", 2008), which readers who
see colours otherwise tell apart; shapes and dashes say the same again. Plain rules without
variables, as programs that turn SVG into pictures know no more.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "ground": "#ffffff", "ink": "#1c2127", "soft": "#5c6773", "line": "#dfe3e8",
    "warm": "#0072b2", "cold": "#d55e00", "saved": "#6b4c9a", "band": "#f4f6f8",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "ground": "#15181c", "ink": "#e6e9ed", "soft": "#9aa5b1", "line": "#343b44",
    "warm": "#56b4e9", "cold": "#f0803c", "saved": "#b79ae0", "band": "#1b2026",
}  # fmt: skip

_RULES = """\
.ground{{fill:{ground}}} .band{{fill:{band}}}
text{{fill:{ink}}} text.soft,text.tick{{fill:{soft}}}
.grid{{stroke:{line}}} .axis{{stroke:{soft}}}
.line.warm{{stroke:{warm}}} .line.cold{{stroke:{cold}}} .line.prompt{{stroke:{soft}}}
.line.saved{{stroke:{saved}}} .mark{{stroke:{ground}}}
.mark.warm{{fill:{warm}}} .mark.cold{{fill:{cold}}} .mark.saved,.interval{{fill:{saved}}}
"""

_SHAPES = """\
text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif}
text.title{font-size:17px;font-weight:600} text.head{font-size:13px;font-weight:600}
text.tick{font-size:11px} text.figure{font-variant-numeric:tabular-nums}
.grid,.axis{stroke-width:1} .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.line.cold{stroke-dasharray:5 3} .line.prompt{stroke-dasharray:2 3} .line.saved{stroke-width:2.4}
.mark{stroke-width:1} .interval{fill-opacity:.22}
"""


def style() -> str:
    """The rules, dark where the reader's screen is."""
    dark = _RULES.format(**DARK)
    return f"{_SHAPES}{_RULES.format(**LIGHT)}@media (prefers-color-scheme:dark){{\n{dark}}}\n"
