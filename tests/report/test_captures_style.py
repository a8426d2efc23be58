"""The look of the page: every class that is drawn has one, and nothing is fetched."""

from __future__ import annotations

import re

from autotune.report.captures_style import STYLE


def test_colours_are_there_for_light_and_dark() -> None:
    used = set(re.findall(r"var\((--\w+)\)", STYLE))
    light, dark = STYLE.split("prefers-color-scheme: dark")
    for name in used:
        assert f"{name}:" in light
        assert f"{name}:" in dark


def test_what_is_drawn_has_a_look_and_nothing_is_fetched() -> None:
    for name in ("depth", "reusable", "cached", "edit", "broken"):
        assert re.search(rf"\.(line|area|mark)\.{name}\b", STYLE)
    assert "url(" not in STYLE
    assert "@import" not in STYLE
