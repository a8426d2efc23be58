"""A page as one HTML file that needs no network: every text escaped, every figure with its numbers.

Figures are there as static SVG first, so that the page says all it has to without scripts and on
paper. With Plotly inside (`bundle`) a figure that comes into sight is drawn again so that it can be
pointed at and zoomed. The page's own policy (Content-Security-Policy) lets nothing be loaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from autotune import __version__
from autotune.report.page.drawn import STRUCTURE, colour_rules, svg
from autotune.report.page.figures import Figure
from autotune.report.page.html_table import table
from autotune.report.page.model import Block, Command, Facts, Grid, Page, Plot, Prose, Section
from autotune.report.page.palette import GROUND, LOOKS, variables
from autotune.report.page.plotly_form import height_px, plotly
from autotune.report.svg import element

MARK = "<!doctype html><!-- autotune report -->"

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)


def html(page: Page, bundle: str = "") -> str:
    """The page as text. `bundle` is a packed plotly.js (`plotly_bundle`), or nothing."""
    body = [
        _header(page),
        _contents(page.sections),
        element("main", *(_section(one) for one in page.sections)),
        element(
            "footer", escape(f"autotune {__version__}. One file, no network: keep it, send it.")
        ),
        *_scripts(page, bundle),
    ]
    whole = _head(page) + element("body", *body)
    return f"{MARK}{element('html', whole, lang='en')}\n"


def _head(page: Page) -> str:
    inside = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
    )
    return element(
        "head",
        inside,
        element("title", escape(f"{page.title} · autotune")),
        element("style", style()),
    )


def style() -> str:
    """All of the page's CSS: colours for light and dark, then rules that use them."""
    light, dark = variables(dark=False), variables(dark=True)
    names = colour_rules(
        {name: f"var(--{name})" for name in GROUND}, {role: f"var(--c-{role})" for role in LOOKS}
    )
    return (
        f":root{{{light}color-scheme:light}}"
        f"@media screen and (prefers-color-scheme:dark)"
        f"{{:root:not([data-theme=light]){{{dark}color-scheme:dark}}}}"
        f"@media screen{{:root[data-theme=dark]{{{dark}color-scheme:dark}}}}"
        f"{STRUCTURE}{names}{_file('page.css')}"
    )


def _file(name: str) -> str:
    return (files("autotune.report.page") / name).read_text(encoding="utf-8")


def _header(page: Page) -> str:
    toggle = element(
        "button", "◐", type="button", id="theme", title="light or dark", aria_label="light or dark"
    )
    head = element("div", element("h1", escape(page.title)), toggle, class_="top")
    lead = (element("p", escape(line), class_="lead") for line in page.lead)
    verdict = element("p", escape(page.verdict), class_=f"verdict {page.tone}")
    return element("header", head, verdict, *lead)


def _contents(sections: Sequence[Section]) -> str:
    links = (element("a", escape(one.title), href=f"#{one.name}") for one in sections)
    return element("nav", *links, aria_label="contents")


def _section(section: Section) -> str:
    blocks = (_block(block) for block in section.blocks)
    return element("section", element("h2", escape(section.title)), *blocks, id=section.name)


def _block(block: Block) -> str:
    match block:
        case Prose():
            return "".join(element("p", escape(line), class_=block.tone) for line in block.lines)
        case Facts():
            pairs = (
                element("div", element("dt", escape(name)), element("dd", escape(value)))
                for name, value in block.pairs
            )
            return element("dl", *pairs)
        case Command():
            return _command(block)
        case Grid():
            return table(block)
        case Plot():
            return _plot(block)


def _command(block: Command) -> str:
    button = element("button", "copy", type="button", class_="copy")
    head = element("div", element("span", escape(block.title)), button, class_="cap")
    code = element("pre", element("code", escape(block.text)), tabindex="0")
    return element("div", head, code, class_="command")


def _plot(block: Plot) -> str:
    figure = block.figure
    still = element("div", svg(figure), class_="still")
    live = element(
        "div",
        class_="live",
        role="img",
        aria_label=figure.described,
        data_plot=figure.name,
        style=f"min-height:{height_px(figure)}px",
    )
    caption = element("figcaption", escape(figure.title))
    return element("figure", caption, still, live, _numbers(block), id=f"plot-{figure.name}")


def _numbers(block: Plot) -> str:
    if block.grid is None:
        link = element("a", "in the table", href=f"#{block.numbers_in}")
        return element("p", "The numbers are ", link, ".", class_="soft")
    summary = element("summary", "the numbers")
    return element("details", summary, table(block.grid, block.figure.title))


def _scripts(page: Page, bundle: str) -> Iterator[str]:
    figures = [plot.figure for plot in page.plots()]
    if bundle and figures:
        yield element("script", _json(figures), type="application/json", id="figures")
        yield element("script", bundle, type="text/plain", id="plotly")
    yield element("script", _file("page.js"))


def _json(figures: Sequence[Figure]) -> str:
    """Every figure by its name, for a script element: nothing in it can end that element."""
    data = {figure.name: _shared_words(plotly(figure)) for figure in figures}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _shared_words(figure: dict[str, Any]) -> dict[str, Any]:
    """What points say is the same in every panel: it is kept once, and named by its place."""
    told: dict[tuple[str, ...], int] = {}
    traces = []
    for trace in figure["data"]:
        if "text" in trace:
            at = told.setdefault(tuple(trace["text"]), len(told))
            trace = {**trace, "text": at}
        traces.append(trace)
    return {**figure, "data": traces, "told": [list(words) for words in told]}
