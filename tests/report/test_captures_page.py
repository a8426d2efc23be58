"""The page of `captures inspect --html`: whole, offline, and no place for text of captures."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.report.captures_page import page, refuse_other_page, write_page
from autotune.trial.counted_sessions import CountedSession
from autotune.trial.side_by_side import DepthRow
from autotune.workload.curves import Curves
from autotune.workload.inspect import CaptureReport, inspect_captures

FIXTURES = Path(__file__).parents[1] / "workload" / "fixtures"
VOID = {"meta", "line", "br"}


class Checker(HTMLParser):
    """Every tag that is opened is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def inspected(limit: int = 12, *names: str) -> tuple[CaptureReport, Curves]:
    curves = Curves(limit)
    paths = [FIXTURES / name for name in names or ("capture-small.jsonl", "fizeau-small.jsonl")]
    return inspect_captures(paths, watchers=[curves]), curves


def checked(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    return checker


def test_the_page_is_whole_and_needs_no_network() -> None:
    report, curves = inspected()
    text = page(report, curves)
    told = checked(text)
    assert not {"script", "link", "img", "iframe"} & set(told.tags)
    assert not re.search(r"https?://|url\(|@import", text)
    assert told.tags.count("svg") == len(curves.kept()) + 2
    for heading in ("Depth by turn", "Shape", "Files"):
        assert heading in told.words
    assert f"digest {report.digest}" in told.words


def test_every_turn_says_its_depth() -> None:
    report, curves = inspected(12, "capture-small.jsonl")
    text = page(report, curves)
    for curve in curves.kept():
        for point in curve.points:
            assert f"turn {point.turn}: " in text
            assert f"{point.depth:,} tokens" in text


def test_what_is_not_plotted_is_said() -> None:
    report, curves = inspected(1)
    assert "2 more are not plotted" in page(report, curves)


def test_sessions_that_a_model_counted() -> None:
    row = DepthRow("s<1>", "exact", 3, 1000, 1200, 1210, 1.2, "why", 0)
    report, curves = inspected()
    words = checked(page(report, curves, [CountedSession(1210, row)])).words
    assert "Deepest prompt, counted by the model" in words
    assert {"s<1>", "1,000", "1,210", "1.200"} <= set(words)


def test_names_are_escaped() -> None:
    report, curves = inspected()
    evil = replace(report.files[0], file="<script>alert(1)</script>")
    text = page(replace(report, files=(evil,)), curves)
    assert "<script>" not in text
    assert evil.file in checked(text).words


def test_a_page_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    refuse_other_page(path)
    write_page(path, *inspected())
    refuse_other_page(path)
    (tmp_path / "notes.html").write_text("mine")
    for other, why in {
        tmp_path / "notes.html": "no page of this command",
        tmp_path: "is a folder",
        tmp_path / "none" / "a.html": "no folder",
    }.items():
        with pytest.raises(UserError, match=why):
            refuse_other_page(other)
