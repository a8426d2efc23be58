"""Reports that are committed: those of the studies beside them, small, and without this machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_data import read_html
from report_pages import STUDIES

from autotune.report.page.html import MARK
from autotune.report.page.sources import read_page
from autotune.study.folder import StudyFolder

EXAMPLE = STUDIES / "example-llama-server-cpu"
REPORTED = [EXAMPLE, *sorted(STUDIES.glob("prefix-cache-*/*-session"))]
PRIVATE = re.compile(r"(?<![\w.~-])/(?:root|home|work|tmp|Users)\b")


@pytest.mark.parametrize("folder", REPORTED, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_report_tells_the_study_beside_it(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.startswith(MARK)
    assert len(text) < 1_000_000
    page = read_page([folder])
    seen = read_html(text)
    assert page.verdict in seen.words
    headings = {section.title for section in page.sections}
    assert headings <= set(seen.words)
    assert {tag for tag, _ in seen.loads()} <= {"a", "link"}


def test_a_newcomer_can_open_the_example() -> None:
    names = {path.name for path in EXAMPLE.iterdir()}
    assert {"README.md", "report.md", "report.html", "study.db", "turns.jsonl"} <= names
    assert sum(p.stat().st_size for p in EXAMPLE.rglob("*") if p.is_file()) < 3_000_000
    pages = [EXAMPLE / "README.md", EXAMPLE / "report.md"]
    links = [link for page in pages for link in re.findall(r"\]\(([^)#]+)\)", page.read_text())]
    assert "plots/turns.svg" in links
    assert [link for link in links if not (EXAMPLE / link).exists()] == []
    assert (EXAMPLE / "plots" / "turns.svg").stat().st_size < 200_000


def test_the_example_says_what_it_found() -> None:
    folder = StudyFolder(EXAMPLE)
    summary = (folder.read_result() or {})["summary"]
    readme = " ".join((EXAMPLE / "README.md").read_text().replace("\n> ", " ").split())
    assert summary["verdict"] in readme
    for side in ("before", "after"):
        assert f"{summary[side]['turn_s']:.3f}" in readme
        assert f"{summary[side]['ttft_p50_s']:.3f} s" in readme
    trials = folder.read_trials()
    assert [t["number"] for t in trials] == list(range(summary["trials"]))
    (winner,) = (t for t in trials if t["number"] == summary["winner"])
    assert winner["changes"] == summary["changes"]


def test_nothing_of_a_machine_is_committed_with_the_example() -> None:
    found = [
        (path.name, match.group())
        for path in EXAMPLE.rglob("*")
        if path.is_file()
        for match in PRIVATE.finditer(path.read_bytes().decode("utf-8", "replace"))
    ]
    assert found == []
