"""The page in a real browser: drawn by Plotly, nothing asked of a network, nothing complained."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PROGRAM, Chromium

from autotune.report.page.gather import StudyData
from autotune.report.page.study_page import study_page
from autotune.report.page.writing import rendered

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")


@pytest.fixture
def browser(data: StudyData, tmp_path: Path) -> Iterator[Chromium]:
    path = tmp_path / "report.html"
    path.write_text(rendered(study_page(data), "html"), encoding="utf-8")
    with Chromium() as chromium:
        chromium.look(1200, 900)
        chromium.open(path)
        yield chromium


def test_a_reader_can_do_what_the_page_offers(browser: Chromium, data: StudyData) -> None:
    """One browser for all of it: starting it is what takes time."""
    many = len(list(study_page(data).plots()))
    browser.look(1200, 20_000, dark=True)
    browser.until(f"document.querySelectorAll('[data-drawn]').length === {many}")
    assert browser.value("document.querySelectorAll('svg.main-svg').length") >= many
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    browser.value("document.getElementById('theme').click()")
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    _filter(browser)
    _sort(browser)
    _print(browser)
    _phone(browser)
    assert browser.messages == []
    asked = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert [url for url in asked if url != "about:blank"] == []


def _filter(browser: Chromium) -> None:
    shown = (
        "[...document.querySelectorAll('#trials .sorts tbody tr')].filter(r => !r.hidden).length"
    )
    assert browser.value(shown) == 6
    browser.value("{const s = document.querySelector('#trials select'); s.value = 'failed';"
                  "s.dispatchEvent(new Event('change'));}")  # fmt: skip
    assert browser.value(shown) == 1
    browser.value("{const s = document.querySelector('#trials select'); s.value = '';"
                  "s.dispatchEvent(new Event('change'));}")  # fmt: skip
    assert browser.value(shown) == 6


def _sort(browser: Chromium) -> None:
    browser.value("document.querySelectorAll('#trials .sorts th button')[2].click()")
    first = "document.querySelector('#trials .sorts tbody tr').cells[0].textContent"
    assert browser.value(first) == "2"
    last = "document.querySelector('#trials .sorts tbody tr:last-child').cells[2].textContent"
    assert browser.value(last) == "–"


def _print(browser: Chromium) -> None:
    """On paper the static figures stand with their numbers, on white whatever the theme is."""
    browser.look(1200, 900, dark=True, media="print")
    browser.value("document.documentElement.dataset.theme = 'dark'")
    style = "getComputedStyle(document.querySelector('{}')).{}"
    assert browser.value(style.format("figure.on .live", "display")) == "none"
    assert browser.value(style.format("figure.on .still", "display")) == "block"
    assert browser.value(style.format("body", "backgroundColor")) == "rgb(255, 255, 255)"
    pages = _pages(browser)
    assert 2 <= pages <= 14
    assert browser.value("document.querySelectorAll('details[open]').length") == 0
    browser.value("dispatchEvent(new Event('beforeprint'))")
    assert browser.value("document.querySelectorAll('details:not([open])').length") == 0
    browser.value("dispatchEvent(new Event('afterprint'))")
    assert browser.value("document.querySelectorAll('details[open]').length") == 0


def _pages(browser: Chromium) -> int:
    """Pages of the PDF that the browser prints."""
    found = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert found.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", found))


def _phone(browser: Chromium) -> None:
    """Nothing but tables and commands scrolls sideways, and they within themselves."""
    browser.look(390, 844)
    browser.until("document.documentElement.clientWidth === 390")
    browser.until("document.documentElement.scrollWidth === 390")
