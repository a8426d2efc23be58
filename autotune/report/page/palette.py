"""Who has which colour, mark and dash, for light and dark.

Colours begin with Okabe and Ito's vermilion and blue ("Color Universal Design", 2008), darkened
or lightened where the ground asks for it. The others are chosen so that any two of a plot differ in
hue or in lightness enough for readers without one kind of cone, which
``tests/report/page/test_palette.py`` works out. Marks and dashes say the same again, so that
nothing hangs on colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SYMBOLS = ("square", "circle", "triangle", "diamond", "cross", "star")
DASHES = ("dash", "solid", "dot", "dashdot", "longdash", "solid")


@dataclass(frozen=True, slots=True)
class Look:
    """Of one role: colours on light and on dark, a mark, a dash."""

    light: str
    dark: str
    symbol: str = "circle"
    dash: str = "solid"


_ARMS = (
    ("#c04f00", "#f0803c"),
    ("#0072b2", "#56b4e9"),
    ("#00543c", "#2c8a5c"),
    ("#8a1a7d", "#b050f5"),
    ("#4c3c08", "#f5d63d"),
    ("#7d838c", "#dfeefa"),
)

ARMS = tuple(f"arm{at}" for at in range(len(_ARMS)))
"""Roles of sides of a comparison that are more than default and tuned."""

LOOKS: Mapping[str, Look] = {
    "default": Look("#c04f00", "#f0803c", "square", "dash"),
    "tuned": Look("#0072b2", "#56b4e9", "circle", "solid"),
    "closest": Look("#0072b2", "#56b4e9", "diamond", "solid"),
    "incumbent": Look("#00543c", "#2c8a5c", "triangle", "dot"),
    "front": Look("#8a1a7d", "#b050f5", "diamond", "dot"),
    "trial": Look("#7d8894", "#8b96a2", "circle", "solid"),
    "stopped": Look("#b0792a", "#d0a24e", "triangle-down", "solid"),
    "failed": Look("#a1312b", "#ef7d70", "cross", "solid"),
    "prompt": Look("#5c6773", "#9aa5b1", "circle", "dot"),
    "lost": Look("#c04f00", "#f0803c", "square", "solid"),
    **{
        role: Look(light, dark, symbol, dash)
        for role, (light, dark), symbol, dash in zip(ARMS, _ARMS, SYMBOLS, DASHES, strict=True)
    },
}

GROUND: Mapping[str, tuple[str, str]] = {
    "ink": ("#1c2127", "#e6e9ed"),
    "soft": ("#5c6773", "#9aa5b1"),
    "line": ("#dfe3e8", "#343b44"),
    "ground": ("#ffffff", "#15181c"),
    "panel": ("#f6f7f9", "#1c2127"),
    "good": ("#00704f", "#2fc99b"),
    "even": ("#8a6500", "#e6b93d"),
    "bad": ("#a1312b", "#ef7d70"),
}
"""Everything else of a page: names of colours, on light and on dark."""


def arm_role(at: int) -> str:
    """The role of the arm at place `at`; beyond the sixth they begin again."""
    return ARMS[at % len(ARMS)]


def look(role: str) -> Look:
    """The look of a role. Raises ``KeyError`` for one that there is not."""
    return LOOKS[role]


def variables(*, dark: bool) -> str:
    """Every colour as a CSS variable: ``--ink:#1c2127;--c-tuned:#0072b2;``."""
    ground = {name: pair[dark] for name, pair in GROUND.items()}
    roles = {f"c-{role}": one.dark if dark else one.light for role, one in LOOKS.items()}
    return "".join(f"--{name}:{value};" for name, value in {**ground, **roles}.items())
