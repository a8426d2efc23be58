"""Reports of comparisons, serving paths, contests, and of studies side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from report_data import read_html
from report_pages import (
    MADE_UP,
    STUDIES,
    arm,
    compare_folder,
    confirmed,
    contest,
    later,
    paths_folder,
)

from autotune.errors import UserError
from autotune.paths.folder import PathsFolder
from autotune.paths.table import DepthRow, read_table
from autotune.report.page.across_page import across_page, unlike
from autotune.report.page.cache_section import bucket_grid, headline
from autotune.report.page.compare_page import compare_page, depth_plot
from autotune.report.page.contest_page import followed
from autotune.report.page.figures import Panels, Rows
from autotune.report.page.gather import StudyData
from autotune.report.page.html import html
from autotune.report.page.model import Grid, Page, Plot
from autotune.report.page.paths_page import common
from autotune.report.page.sources import kind_of, read_page
from autotune.study.folder import StudyFolder


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


@pytest.mark.parametrize(("slow_s", "log"), [(0.071, False), (0.99, False), (1.01, True)])
def test_bars_begin_at_zero_but_where_the_short_one_could_not_be_seen(
    slow_s: float, log: bool
) -> None:
    arms = [
        {"name": name, "by_depth": [
            {"bucket": "0-10k", "ttft_p50_s": ttft_s, "ttft_p95_s": 2.0, "decode_p50_tps": 300.0,
             "cached_share": 0.66, "total_wait_s": 2.0, "turns": 15}
        ]}
        for name, ttft_s in (("fast", 0.05), ("slow", slow_s))
    ]  # fmt: skip
    plot = depth_plot(arms)
    assert plot is not None
    assert isinstance(plot.figure, Panels)
    assert [panel.log for panel in plot.figure.panels] == [log, False, False]
    assert ("logarithmic" in plot.figure.panels[0].title) is log


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
    folder = compare_folder(tmp_path / "c")
    document = json.loads((folder / "compare.json").read_text())
    page = compare_page(folder, {**document, "verdicts": []})
    assert page.verdict.startswith("Not finished")
    figure = next(p.figure for p in page.plots() if p.figure.name == "turns")
    assert isinstance(figure, Panels)
    assert [s.name for s in figure.panels[1].series] == ["cache=on", "cache=off"]


def test_serving_paths_have_a_page(tmp_path: Path) -> None:
    page = read_page([paths_folder(tmp_path / "t", "one", "two")])
    assert page.kind == "paths"
    assert page.verdict == (
        "one answers first at 0-10k: TTFT p50 0.500 s; two 1.50 s (3.00x as long)."
    )
    assert page.lead == (
        "w.jsonl: 1 session, 6 turns, recorded history.",
        "Decode p50 there: one 40.0 tok/s, two 40.0 tok/s.",
        "Each path was looked at once: autotune compare says whether a difference is real.",
    )
    assert [one.name for one in page.sections] == ["paths", "depth", "turns", "notes", "origin"]
    assert [record_["ttft_p50_s"] for record_ in page.records] == [0.5, 1.5]
    read_html(html(page))


def test_one_path_alone_is_ranked_against_none(tmp_path: Path) -> None:
    page = read_page([paths_folder(tmp_path / "t", "one")])
    assert page.verdict == "1 serving path on the same turns."
    assert len(page.lead) == 1


def bucket(label: str, *, directional: bool = False) -> DepthRow:
    return DepthRow(
        bucket=label, turns=9, depth_p50_tokens=1.0, ttft_p50_s=1.0, ttft_p95_s=1.0,
        decode_p50_tps=1.0, cached_share=None, directional=directional,
    )  # fmt: skip


def test_paths_are_ranked_where_all_of_them_were_measured(tmp_path: Path) -> None:
    table = read_table(PathsFolder(paths_folder(tmp_path / "t", "one", "two")))
    one, two = table.rows
    deep = replace(one, buckets=(bucket("0-10k"), bucket("10-30k"), bucket("30-60k")))
    short = replace(two, buckets=(bucket("0-10k"), bucket("10-30k", directional=True)))
    assert common(replace(table, rows=(deep, short)))[0] == "0-10k"
    few = replace(two, buckets=(bucket("10-30k", directional=True),))
    assert common(replace(table, rows=(deep, few)))[0] == "10-30k"
    none = replace(two, buckets=())
    assert common(replace(table, rows=(deep, none))) == ("", [])


def test_a_contest_shows_every_engine(data: StudyData) -> None:
    failed = arm("two", None, ttft_p50_s=None, failure="crash")
    page = contest(data, arm("one", None), arm("two", 1.2), failed)
    assert page.kind == "contest"
    names = [one.name for one in page.sections]
    assert names[:3] == ["launch", "arms", "depth"]
    assert "engine-tiny" in names
    assert rows(page, "arms")[1][-3:] == ["1.20x", "1.10x to 1.30x", "the engine's defaults"]
    assert rows(page, "arms")[2][-1] == "crash"
    read_html(html(page))


def test_engines_are_followed_turn_by_turn(data: StudyData) -> None:
    confirmed(data, one_default=1000, two_default=2100, two_trial_0002=2100)
    page = contest(data, arm("one", None), arm("two", None), arm("two", 1.2))
    figure = next(p.figure for p in page.plots() if p.figure.name == "turns")
    assert isinstance(figure, Panels)
    prompt, reused, ttft, _ = figure.panels
    assert [s.name for s in ttft.series] == ["one default", "two default", "two best #2"]
    assert [s.y for s in prompt.series] == [(1000.0, 2000.0), (2100.0, 4200.0), (2100.0, 4200.0)]
    assert reused.share
    assert [s.y for s in reused.series] == [(0.0, 0.5)] * 3
    assert ttft.series[0].y == (0.0005, 0.0005)
    assert rows(page, "turns")[1] == [
        "s", "1", "2,000", "4,200", "4,200", "50%", "50%", "50%", "0.001", "0.000", "0.000",
        "40.0", "40.0", "40.0",
    ]  # fmt: skip


def test_six_configs_are_followed_the_base_and_the_fastest() -> None:
    gains = [None, 0.5, 1.1, 1.5, 0.9, 1.2, 1.4, 0.4]
    arms = [arm(str(at), gain) for at, gain in enumerate(gains)]
    arms.append(arm("gone", 9.0, ttft_p50_s=None))
    assert [row["engine"] for row in followed(arms)] == ["0", "2", "3", "4", "5", "6"]


def test_studies_stand_side_by_side_oldest_first(data: StudyData) -> None:
    new = later(data, "new", gpu_name="Another Card")
    page = across_page([new, data])
    assert page.verdict == (
        "new is fastest: 0.900 s a turn, tiny 1.20 s. "
        "Gained over their defaults: tiny 1.25x, new 1.25x."
    )
    assert [row[0] for row in rows(page, "studies")] == ["tiny", "new"]
    assert rows(page, "studies")[1][2:7] == [
        "Another Card", "1.25x", "1.20x to 1.31x", "0.750", "0.500",
    ]  # fmt: skip
    assert page.lead == ("The same in all: engine llama-server, model tiny.gguf, depth 10-30k.",)
    assert unlike([data, new]) == ["GPU: tiny: A Card; new: Another Card."]
    figure = next(p.figure for p in page.plots() if p.figure.name == "before-after")
    assert isinstance(figure, Panels)
    assert [s.y for s in figure.panels[0].series] == [(0.75, 0.75), (0.625, 0.5)]
    read_html(html(page))


def test_other_work_is_not_compared_in_seconds(data: StudyData) -> None:
    page = across_page([data, later(data, "new", workload_digest="sha256:34")])
    assert "is fastest" not in page.verdict
    assert page.lead[1:] == (
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
