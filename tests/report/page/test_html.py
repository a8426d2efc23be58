"""The page as HTML: whole, offline, escaped, and with the numbers of the study."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from report_data import HOSTILE, RESULT, SUMMARY, read_html

from autotune.report.page.gather import StudyData
from autotune.report.page.html import html, style
from autotune.report.page.model import Command, Page, Section
from autotune.report.page.study_page import study_page


def test_every_section_of_a_study_is_there(data: StudyData) -> None:
    seen = read_html(html(study_page(data)))
    headings = [
        "What to start", "Before and after", "Turn by turn", "Prefix reuse, and what was lost",
        "TTFT against decode", "Which settings matter", "Trials", "Quality guard",
        "Noise, and what was discarded", "Where the time went", "Notes", "Measured on",
    ]  # fmt: skip
    assert [one for one in headings if one not in seen.words] == []
    assert SUMMARY["verdict"] in seen.words
    assert "1.20x to 1.31x" in seen.words


def test_nothing_is_loaded_and_the_page_forbids_it(data: StudyData) -> None:
    seen = read_html(html(study_page(data), bundle="AAAA"))
    assert {tag for tag, _ in seen.loads()} <= {"a", "link"}
    assert [at for _, at in seen.loads() if not at.startswith(("#", "./", "logs/", "data:"))] == []
    policy = next(a["content"] for t, a in seen.tags if a.get("http-equiv"))
    assert "default-src 'none'" in str(policy)
    assert "url(" not in style()
    assert "@import" not in style()


def test_hostile_names_stay_words(data: StudyData) -> None:
    named = replace(data, provenance={**data.provenance, "gpu_name": HOSTILE})
    text = html(study_page(named), bundle="AAAA")
    seen = read_html(text)
    assert "img" not in {tag for tag, _ in seen.tags}
    assert [name for _, found in seen.tags for name in found if name.startswith("on")] == []
    assert text.count("</script>") == 3
    assert any(HOSTILE in words for words in seen.words)


def test_tables_hold_the_numbers_of_the_result(data: StudyData) -> None:
    seen = read_html(html(study_page(data)))
    keys = ("ttft_p50_s", "decode_p50_tps", "cached_share", "ttft_p95_s", "total_wait_s")
    wanted = [row[f"{key}_{when}"] for row in SUMMARY["buckets"] for key in keys
              for when in ("before", "after")]  # fmt: skip
    wanted += [*SUMMARY["before"].values(), *SUMMARY["after"].values()]
    wanted += [RESULT["comparison"][key]["ratio"] for key in ("turn_s", "ttft", "decode")]
    wanted += [row["value"] for row in data.trials if row["value"] is not None]
    missing = [w for w in wanted if not any(math.isclose(w, v, rel_tol=1e-6) for v in seen.values)]
    assert missing == []


def test_every_figure_has_its_numbers(data: StudyData) -> None:
    page = study_page(data)
    names = [plot.figure.name for plot in page.plots()]
    assert names == [
        "sure",
        "depth",
        "turns",
        "reuse-default",
        "pareto",
        "effects",
        "history",
        "time",
    ]
    sections = {one.name for one in page.sections}
    assert all(p.grid is not None or p.numbers_in in sections for p in page.plots())
    seen = read_html(html(page))
    assert sum(tag == "svg" for tag, _ in seen.tags) == len(names)


def test_the_figures_data_can_be_read_back(data: StudyData) -> None:
    seen = read_html(html(study_page(data), bundle="AAAA"))
    script = next(text for text in seen.scripts if text.startswith("{"))
    figures = json.loads(script)
    turns = figures["turns"]
    assert {trace["meta"] for trace in turns["data"]} == {"prompt", "default", "tuned"}
    told = [line for words in turns["told"] for line in words]
    assert any("&lt;/script&gt;&lt;img" in line for line in told)
    assert not any("<img" in line for line in told)
    assert len(turns["told"]) == 2


@pytest.mark.parametrize("bundle", ["", "AAAA"])
def test_scripts_come_with_plotly_only(data: StudyData, bundle: str) -> None:
    seen = read_html(html(study_page(data), bundle))
    ids = {str(found.get("id")) for tag, found in seen.tags if tag == "script"}
    assert ("figures" in ids) is bool(bundle)


def test_a_command_can_be_copied_as_it_is() -> None:
    text = "FOO='a b' serve --name \"<x>\" && true"
    page = Page(kind="study", title="t", verdict="v",
                sections=(Section("launch", "Start", (Command("Start it", text),)),))  # fmt: skip
    seen = read_html(html(page))
    assert text in seen.words
    assert ("button", "copy") in [(tag, found.get("class")) for tag, found in seen.tags]
