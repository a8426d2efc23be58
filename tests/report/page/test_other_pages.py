"""Reports of comparisons, serving paths, contests, and of studies side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_data import RESULT, SUMMARY, read_html, record, write_records

from autotune.errors import UserError
from autotune.report.page.across_page import across_page, unlike
from autotune.report.page.cache_section import bucket_grid, headline
from autotune.report.page.compare_page import compare_page
from autotune.report.page.contest_page import contest_page
from autotune.report.page.figures import Panels, Rows
from autotune.report.page.gather import StudyData
from autotune.report.page.html import html
from autotune.report.page.model import Grid, Page, Plot
from autotune.report.page.sources import kind_of, read_page
from autotune.study.folder import StudyFolder

STUDIES = Path(__file__).parents[3] / "studies"
MADE_UP = STUDIES / "prefix-cache-llama-server" / "made-up-session"


def rows(page: Page, name: str) -> list[list[str]]:
    section = next(one for one in page.sections if one.name == name)
    grids = [
        b if isinstance(b, Grid) else b.grid for b in section.blocks if isinstance(b, Grid | Plot)
    ]
    grid = next(one for one in grids if one is not None)
    return [[cell.text for cell in row] for row in grid.rows]


@pytest.mark.parametrize(
    "folder",
    sorted(STUDIES.glob("prefix-cache-*/*-session")),
    ids=lambda p: f"{p.parent.name}-{p.name}",
)
def test_the_committed_cache_experiments_have_a_page(folder: Path) -> None:
    page = read_page([folder])
    names = [one.name for one in page.sections]
    assert names == ["arms", "verdicts", "cache", "depth", "notes", "origin"]
    assert "slower than cache=on" in page.verdict
    read_html(html(page))


def test_a_comparison_says_what_its_document_says() -> None:
    page = read_page([MADE_UP])
    document = json.loads((MADE_UP / "compare.json").read_text())
    verdict = next(
        v for v in document["verdicts"] if v["metric"] == "turn_s" and v["depth"] == "all"
    )
    figure = next(p.figure for p in page.plots() if p.figure.name == "verdicts")
    assert isinstance(figure, Rows)
    assert (figure.rows[0].value, figure.rows[0].low) == (verdict["ratio"], verdict["low"])
    assert rows(page, "depth")[0][:4] == ["0-10k", "cache=on", "2", "0.299"]
    assert page.records[0]["ttft_p50_s"] == document["arms"][0]["figures"]["ttft_p50_s"]
    assert page.document["compare"] == document


def test_the_turns_of_an_experiment_come_from_its_figures() -> None:
    page = read_page([MADE_UP])
    figure = next(p.figure for p in page.plots() if p.figure.name == "cache-turns")
    assert isinstance(figure, Panels)
    effect = json.loads((MADE_UP / "cache-effect.json").read_text())
    ttft = {s.name: s.y for s in figure.panels[1].series}
    assert ttft["cache=off"] == tuple(row["ttft_cold_s"] for row in effect["rows"])
    assert ttft["cache=on"] == tuple(row["ttft_warm_s"] for row in effect["rows"])
    assert "saved 6m 46s of waiting over 32 turns" in headline(effect)
    assert bucket_grid(effect).rows[-1][0].text == "all"


def test_turns_of_a_comparison_are_read_from_its_log(tmp_path: Path) -> None:
    document = json.loads((MADE_UP / "compare.json").read_text())
    log = [record(arm, "s", t) for arm in ("cache=on", "cache=off", "other") for t in (0, 1)]
    write_records(tmp_path / "turns.jsonl", log)
    page = compare_page(tmp_path, {**document, "verdicts": []})
    assert page.verdict.startswith("Not finished")
    figure = next(p.figure for p in page.plots() if p.figure.name == "turns")
    assert isinstance(figure, Panels)
    assert [s.name for s in figure.panels[1].series] == ["cache=on", "cache=off"]


def table(folder: Path, *paths: str) -> Path:
    facts = {"identity": {"kind": "endpoint"}, "serves": "some engine", "version": "1",
             "model": "m", "fixed_length": True, "hosted": False}  # fmt: skip
    document = {
        "schema_version": "serving-paths/1", "created_at": "2026-11-01", "workload": "w.jsonl",
        "plan_digest": "sha256:1", "history": "recorded", "concurrency": 1, "redacted": False,
        "turns": [["s", turn, 1000, 8] for turn in range(6)],
        "paths": dict.fromkeys(paths, facts),
    }  # fmt: skip
    folder.mkdir()
    (folder / "table.json").write_text(json.dumps(document))
    log = [record(p, "s", t, ttft_s=0.5 + at) for at, p in enumerate(paths) for t in range(6)]
    write_records(folder / "turns.jsonl", log)
    return folder


def test_serving_paths_have_a_page(tmp_path: Path) -> None:
    page = read_page([table(tmp_path / "t", "one", "two")])
    assert page.kind == "paths"
    assert page.verdict == "TTFT p50 at depth: one 0.500 s, two 1.50 s."
    assert [one.name for one in page.sections] == ["paths", "depth", "turns", "notes", "origin"]
    assert [record_["ttft_p50_s"] for record_ in page.records] == [0.5, 1.5]
    read_html(html(page))


def arm(engine: str, speedup: float | None, **more: Any) -> dict[str, Any]:
    row = {
        "engine": engine, "role": "default" if speedup is None else "best", "trial": 2,
        "changes": {}, "depth": "10-30k", "turns": 12, "ttft_p50_s": 0.5, "ttft_p95_s": 1.0,
        "decode_p50_tps": 40.0, "turn_s": 1.0, "total_wait_s": 30.0, "speedup": speedup,
        "interval": None if speedup is None else [1.1, 1.3], "failure": None, "kinds": [],
    }  # fmt: skip
    return {**row, **more}


def test_a_contest_shows_every_engine(data: StudyData) -> None:
    arms = [arm("one", None), arm("two", 1.2), arm("two", None, ttft_p50_s=None, failure="crash")]
    summary = {**SUMMARY, "arms": arms, "engine": "two"}
    whole = replace(data, result={**RESULT, "summary": summary})
    page = contest_page(whole, [data])
    assert page.kind == "contest"
    names = [one.name for one in page.sections]
    assert names[:3] == ["launch", "arms", "depth"]
    assert "engine-tiny" in names
    assert rows(page, "arms")[1][-3:] == ["1.20x", "1.10x to 1.30x", "the engine's defaults"]
    assert rows(page, "arms")[2][-1] == "crash"
    read_html(html(page))


def later(data: StudyData, name: str, **facts: object) -> StudyData:
    summary = {**SUMMARY, "after": {**SUMMARY["after"], "turn_s": 0.9, "ttft_p50_s": 0.5}}
    return replace(
        data,
        folder=StudyFolder(data.folder.path.parent / name),
        provenance={**data.provenance, "created_at": "2026-12-01T00:00:00+00:00", **facts},
        result={**RESULT, "summary": summary},
    )


def test_studies_stand_side_by_side_oldest_first(data: StudyData) -> None:
    new = later(data, "new", gpu_name="Another Card")
    page = across_page([new, data])
    assert page.verdict == (
        "new is fastest: 0.900 s a turn, tiny 1.20 s. "
        "Gained over their defaults: tiny 1.25x, new 1.25x."
    )
    assert [row[0] for row in rows(page, "studies")] == ["tiny", "new"]
    assert rows(page, "studies")[1][7:9] == ["0.750", "0.500"]
    assert unlike([data, new]) == ["GPU: tiny: A Card; new: Another Card."]
    figure = next(p.figure for p in page.plots() if p.figure.name == "before-after")
    assert isinstance(figure, Panels)
    assert [s.y for s in figure.panels[0].series] == [(0.75, 0.75), (0.625, 0.5)]
    read_html(html(page))


def test_other_work_is_not_compared_in_seconds(data: StudyData) -> None:
    page = across_page([data, later(data, "new", workload_digest="sha256:34")])
    assert "is fastest" not in page.verdict
    assert page.lead == (
        "They replayed different workloads: compare what each gained, not their seconds.",
    )


def test_two_of_one_name_are_told_apart(data: StudyData, tmp_path: Path) -> None:
    twin = replace(data, folder=StudyFolder(tmp_path / "elsewhere" / "tiny"))
    assert rows(across_page([data, twin]), "studies")[1][0] == "elsewhere/tiny"


def test_a_folder_of_nothing_says_what_is_in_it(tmp_path: Path) -> None:
    assert kind_of(tmp_path) is None
    with pytest.raises(UserError, match="nothing to report") as caught:
        read_page([tmp_path])
    assert caught.value.hint.startswith("name the folder of a study")
    with pytest.raises(UserError) as caught:
        read_page([MADE_UP.parent])
    assert str(MADE_UP) in caught.value.hint


def test_only_studies_stand_side_by_side(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no study"):
        read_page([MADE_UP, MADE_UP])
