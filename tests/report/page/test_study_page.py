"""The report of a study: what each section says, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_data import HOSTILE, RESULT, REUSE, SUMMARY, record, trial, write_records

from autotune.report.page.depth_section import depth_grid, metrics_grid, sure_plot
from autotune.report.page.effects_section import effects_plot, effects_section
from autotune.report.page.figures import Panels, Rows
from autotune.report.page.gather import StudyData, gather
from autotune.report.page.machine_section import noise_section, quality_section, time_section
from autotune.report.page.model import Command, Grid, Plot, Prose, Section
from autotune.report.page.origin_section import changes_grid, facts, launch_section
from autotune.report.page.pareto_section import pareto_front
from autotune.report.page.reuse_section import reuse_section
from autotune.report.page.study_page import SIMULATED, UNFINISHED, study_page, turns_section
from autotune.report.page.trials_section import (
    failures_grid,
    history_plot,
    mark_of,
    told,
    trials_grid,
)
from autotune.study.folder import StudyFolder


def rows(grid: Grid | None) -> list[list[str]]:
    assert grid is not None
    return [[cell.text for cell in row] for row in grid.rows]


def grids(section: Section | None) -> list[Grid]:
    assert section is not None
    plots = [b.grid for b in section.blocks if isinstance(b, Plot) and b.grid is not None]
    return [b for b in section.blocks if isinstance(b, Grid)] + plots


def test_the_verdict_and_its_tone(data: StudyData) -> None:
    page = study_page(data)
    assert (page.verdict, page.tone) == (SUMMARY["verdict"], "good")
    assert page.lead == ("Held it.", "llama-server with tiny.gguf on A Card: 5 trials.")
    for code, tone in ((1, "even"), (4, "bad"), (75, "plain")):
        result = {**RESULT, "summary": {**SUMMARY, "exit_code": code}}
        assert study_page(replace(data, result=result)).tone == tone


def test_a_study_that_goes_on_says_so(data: StudyData) -> None:
    page = study_page(replace(data, result={}, account={}))
    assert page.verdict == UNFINISHED
    assert [one.name for one in page.sections] == ["turns", "pareto", "trials", "origin"]


def test_simulated_is_said_first(data: StudyData) -> None:
    page = study_page(replace(data, provenance={**data.provenance, "simulated": True}))
    assert page.lead[0] == SIMULATED
    assert page.document["simulated"] is True


def test_before_and_after_by_hand() -> None:
    grid = metrics_grid(SUMMARY, "tuned", "10-30k")
    assert rows(grid) == [
        ["seconds per turn", "1.50", "1.20", "1.25x"],
        ["TTFT p50, s", "0.750", "0.625", "1.20x"],
        ["decode p50, tok/s", "31.2", "62.5", "2.00x"],
        ["waiting in all, s", "90.0", "45.0", "2.00x"],
    ]
    deep = depth_grid(SUMMARY["buckets"], "tuned")
    assert rows(deep)[2:] == [
        ["10-30k", "default", "12", "0.750", "1.50", "1m 30s", "31.2", "25%", "0/0/12"],
        ["10-30k", "tuned", "12", "0.625", "1.25", "45s", "62.5", "75%", "–"],
    ]
    assert deep.marks == ("default", "tuned") * 2
    assert metrics_grid({}, "tuned", "") is None


def test_each_speed_up_has_its_interval() -> None:
    plot = sure_plot(RESULT["comparison"], "tuned")
    assert plot is not None
    figure = plot.figure
    assert isinstance(figure, Rows)
    assert [(r.value, r.low, r.high) for r in figure.rows] == [
        (1.25, 1.2, 1.31), (1.2, 1.1, 1.3), (2.0, 1.8, 2.2),
    ]  # fmt: skip
    assert rows(plot.grid)[2] == ["decode rate", "2.00x", "1.80x to 2.20x"]
    assert sure_plot(None, "tuned") is None


def test_trials_say_what_they_are(data: StudyData) -> None:
    grid = trials_grid(data)
    assert grid.marks == ("default", "complete", "winner", "failed", "stopped", "repeated")
    assert rows(grid)[2][:6] == ["2", "complete", "1.20", "0.600", "1.20", "50.0"]
    assert rows(grid)[3][1] == "out-of-memory"
    assert "no room for the cache" in rows(grid)[3][9]
    stopped = rows(grid)[4]
    assert stopped[2:6] == ["1.40", "–", "–", "–"]
    assert HOSTILE in stopped[9]
    assert grid.rows[2][10].link == "logs/trial-0002-b0.log"
    assert grid.rows[0][10].text == "–"


def test_links_to_logs_start_from_the_report(data: StudyData, tmp_path: Path) -> None:
    elsewhere = replace(data, base=tmp_path / "out")
    assert trials_grid(elsewhere).rows[2][10].link == "../tiny/logs/trial-0002-b0.log"


def test_failures_are_counted_by_kind() -> None:
    many = [trial(0), *(trial(n, None, failure="crash", reason=f"r{n}") for n in (1, 2)),
            trial(3, None, failure="out-of-memory", reason="big")]  # fmt: skip
    assert rows(failures_grid(many)) == [
        ["crash", "2", "20s", "r1"],
        ["out-of-memory", "1", "10s", "big"],
    ]
    assert failures_grid([trial(0)]) is None


def test_the_best_so_far_goes_down_in_steps(data: StudyData) -> None:
    plot = history_plot(data)
    assert plot is not None
    assert isinstance(plot.figure, Panels)
    whole, stopped, best = plot.figure.panels[0].series
    assert (whole.x, whole.y) == ((0.0, 1.0, 2.0), (1.5, 2.0, 1.2))
    assert stopped.x == (4.0,)
    assert (best.x, best.y) == ((0.0, 2.0, 2.0, 2.0), (1.5, 1.5, 1.2, 1.2))
    assert history_plot(replace(data, trials=data.trials[:2])) is None


def test_the_front_is_what_no_other_beats_in_both() -> None:
    def at(number: int, ttft: float, decode: float) -> dict[str, object]:
        return trial(number, metrics={"ttft_p50_s": ttft, "decode_p50_tps": decode})

    points = [at(0, 1.0, 10.0), at(1, 0.5, 5.0), at(2, 0.5, 8.0), at(3, 0.9, 7.0), at(4, 2.0, 12.0)]
    assert [t["number"] for t in pareto_front(points)] == [2, 0, 4]


def test_named_configs_stand_out(data: StudyData) -> None:
    page = study_page(data)
    figure = next(p.figure for p in page.plots() if p.figure.name == "pareto")
    assert isinstance(figure, Panels)
    named = {s.name: s.role for s in figure.panels[0].series}
    assert named == {"trials": "trial", "front": "front", "default": "default",
                     "incumbent": "incumbent", "winner": "tuned"}  # fmt: skip


def test_reuse_names_causes_and_remedies() -> None:
    section = reuse_section({"default": REUSE})
    (grid,) = grids(section)
    assert rows(grid)[0][:4] == ["evicted by another session", "3", "900", "4.50"]
    assert section is not None
    prose = section.blocks[0]
    assert isinstance(prose, Prose)
    assert prose.lines[0].startswith("Prefix reuse, default: 3.00 s a session lost")
    assert reuse_section({}) is None


def test_reuse_without_seconds_is_told_in_tokens() -> None:
    untimed = [{**row, "seconds": None} for row in REUSE["causes"]]
    section = reuse_section({"default": {**REUSE, "causes": untimed, "lost_s": None}})
    assert section is not None
    (plot,) = (b for b in section.blocks if isinstance(b, Plot))
    assert isinstance(plot.figure, Rows)
    assert [row.value for row in plot.figure.rows] == [900.0, 900.0]


@pytest.mark.parametrize(
    "needless", [[{"name": "poll", "value": 0}], {"poll": 0}, [["poll", 0]], ["poll=0"]]
)
def test_needless_settings_are_named(needless: object) -> None:
    section = effects_section({"effects": [], "needless": needless})
    assert section is not None
    assert section.blocks == (Prose(("Not needed for the gain: poll=0.",)),)


def test_effects_say_how_they_are_known() -> None:
    plot = effects_plot(SUMMARY["effects"])
    assert plot is not None
    assert isinstance(plot.figure, Rows)
    assert [row.role for row in plot.figure.rows] == ["tuned", "trial"]
    assert rows(plot.grid)[0] == [
        "batch-size",
        "2048",
        "512",
        "1.20x",
        "1.10x to 1.30x",
        "measured",
    ]
    assert effects_section({}) is None


def test_noise_and_what_was_set_aside() -> None:
    floor, aside = grids(noise_section(SUMMARY))
    assert rows(floor) == [["seconds per turn", "2.0%"], ["TTFT", "4.1%"]]
    assert floor.note == "measured; 12 pairs"
    assert rows(aside)[0] == ["set aside and made again", "1", "7", "21s", "3%"]
    assert noise_section({}) is None


def test_time_is_told_in_parts_that_sum(data: StudyData) -> None:
    (grid,) = grids(time_section(data))
    assert [row[:3] for row in rows(grid)] == [
        ["load", "5s", "10%"], ["measure", "45s", "90%"], ["in all", "50s", "100%"],
    ]  # fmt: skip
    old = replace(data, account={})
    assert rows(grids(time_section(old))[0])[-1][1] == "50s"
    assert time_section(replace(old, result={})) is None


def test_no_guard_is_said() -> None:
    section = quality_section(SUMMARY)
    assert section is not None
    (prose,) = section.blocks
    assert isinstance(prose, Prose)
    assert "nothing was guarded" in prose.lines[0]
    assert quality_section({}) is None


def test_what_was_refused_for_quality() -> None:
    refused = [{"settings": {"cache-type-k": "q4_0"}, "reasons": ["p99 KL 0.9"], "figures": None}]
    found = {"winner": None, "refused": refused, "seconds": 61.0}
    (grid,) = grids(quality_section({"quality": found}))
    assert rows(grid) == [["cache-type-k=q4_0", "p99 KL 0.9", "not measured"]]


def test_the_launch_command_carries_its_environment(data: StudyData) -> None:
    section = launch_section(data)
    assert section is not None
    commands = [b for b in section.blocks if isinstance(b, Command)]
    assert commands[0].text == f"CUDA_VISIBLE_DEVICES=GPU-1 {SUMMARY['launch_command']}"
    assert commands[1].text == "autotune export tiny --format shell --output serve.sh"
    assert rows(changes_grid(RESULT)) == [["batch-size", "2048", "512", " "]]


def test_without_a_winner_the_defaults_are_written_out(data: StudyData) -> None:
    section = launch_section(replace(data, result={**RESULT, "winner": None}))
    assert section is not None
    assert section.title == "What to keep"
    assert [b.title for b in section.blocks if isinstance(b, Command)] == [
        "The engine's defaults, written out"
    ]


def test_facts_leave_out_what_is_absent(data: StudyData) -> None:
    told_ = dict(facts(data.provenance, RESULT))
    assert told_["engine"] == "llama-server b1"
    assert told_["finished"] == "2026-11-01T11:00:00+00:00"
    assert "driver" not in told_


def test_records_are_rows_of_a_spreadsheet(data: StudyData) -> None:
    first = study_page(data).records[0]
    assert (first["trial"], first["ttft_p50_s"], first["seconds"]) == (0, 0.75, 10.0)


def test_a_point_says_its_settings() -> None:
    many = {f"s{at}": at for at in range(5)}
    assert told(trial(7, 1.0, changes=many)).splitlines()[-2:] == ["s2=2", "and 2 more"]
    assert mark_of(trial(0, 1.0, changes={"a": 1}), None) == "complete"


class Folder(StudyFolder):
    """A study whose trials need no database."""

    __slots__ = ()

    def read_trials(self) -> list[dict[str, object]]:
        return [trial(0, 1.5), trial(1, 1.2, changes={"a": 1}), trial(2, 1.3, changes={"a": 2})]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "provenance.json").write_text("{}")
    return Folder(tmp_path)


def test_turns_are_of_the_last_confirmation(folder: Folder) -> None:
    names = ["trial-0000", "confirm-0002-default", "confirm-0002-trial-0001",
             "confirm-0009-default", "confirm-0009-trial-0001"]  # fmt: skip
    write_records(folder.turns_path, [record(name, "s", 0) for name in names])
    folder.write_result({"winner": {"trial": 1}})
    found = gather(folder)
    assert (found.other, found.other_trial, found.winner) == ("tuned", 1, 1)
    assert {r.arm for r in found.default_turns} == {"confirm-0009-default"}
    assert {r.arm for r in found.other_turns} == {"confirm-0009-trial-0001"}
    assert turns_section(found) is not None


def test_what_came_closest_stands_beside_the_default(folder: Folder) -> None:
    compared = {"trial-0001": {"ratio": 0.9}, "trial-0002": {"ratio": 0.97}}
    folder.write_result({"winner": None, "confirmed": {"comparisons": compared}})
    found = gather(folder)
    assert (found.other, found.other_trial) == ("closest", 2)


def test_without_a_confirmation_turns_are_of_trials(folder: Folder) -> None:
    write_records(
        folder.turns_path, [record(n, "s", 0) for n in ("trial-0000", "trial-0001", "trial-0002")]
    )
    found = gather(folder)
    assert (found.other, found.other_trial) == ("best so far", 1)
    assert {r.arm for r in (*found.default_turns, *found.other_turns)} == {
        "trial-0000",
        "trial-0001",
    }
    assert "trials of the search" in found.turns_from
