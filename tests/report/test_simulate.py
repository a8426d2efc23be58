from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from autotune.report.simulate import document, print_groups, print_names
from autotune.report.simulate_files import by_source, readme, write_files
from autotune.report.simulate_plot import kind_of, plot
from autotune.report.simulate_progress import SearchProgress
from autotune.report.simulate_study import baseline_document, baseline_plot, print_baseline
from autotune.report.simulate_style import COLOURS, style
from autotune.report.simulate_words import COLUMNS, SHORT, cells, headline, legend, percent
from autotune.strategies.cells import Cell, Result, Step
from autotune.strategies.figures import Group, figures
from autotune.strategies.resample import Look, baseline_of
from autotune.strategies.sources import Source
from autotune.strategies.table import STRATEGIES

SIMULATED = Source("a-machine", "a machine")
RECORDED = Source("a-recording", "a recording", Path("a-recording"))


def result(reached_s: float | None) -> Result:
    steps = [Step(0.0, 2.0)] + ([] if reached_s is None else [Step(reached_s, 1.0)])
    last = steps[-1].value
    return Result(
        steps=tuple(steps), found=last, final=last, held_out=last,
        changes={} if reached_s is None else {"size": 1}, ended_s=90.0, trials=9, wall_s=0.1,
    )  # fmt: skip


def group(source: Source = SIMULATED, budget_s: float = 100.0) -> Group:
    results = {"ours": [result(20.0)] * 3, "random": [result(80.0), result(None), result(None)]}
    return Group(source, "usual", budget_s, 2.0, 1.0, 2.0, 2.0, 0.1, results)


def console() -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=False)


def said(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_everything_says_what_its_measurements_are() -> None:
    assert headline(group()).startswith("a-machine (SIMULATED, nothing was measured)")
    assert headline(group(RECORDED)).startswith("a-recording (recorded)")
    assert any("nothing was measured" in line for line in legend([group()]))
    assert not any("nothing was measured" in line for line in legend([group(RECORDED)]))
    assert "simulated: a machine" in plot([group()])
    assert "recorded: a recording" in plot([group(RECORDED)])


def test_a_table_fits_eighty_columns_and_has_no_zero_for_absent() -> None:
    out = console()
    print_groups([group()], out)
    rows = [line for line in said(out).splitlines() if line.startswith((" ours", " random"))]
    assert len(rows) == 2
    assert "…" not in said(out)
    assert all(len(line) <= 80 for line in said(out).splitlines())
    assert rows[0].split() == ["ours", "20s", "20s", "0%", "–", "–", "0.0%", "0/3"]
    assert "<0.20x" in rows[1]
    assert "67%" in rows[1]


def test_cells_are_as_many_as_columns() -> None:
    for row in figures(group()):
        assert len(cells(row)) == len(COLUMNS)
    assert max(SHORT) < len(COLUMNS)
    assert (percent(None), percent(0.051), percent(2.5)) == ("–", "5.1%", "250%")


def test_data_holds_the_figures() -> None:
    (found,) = document([group()])["groups"]
    assert (found["kind"], found["default_regret"]) == ("simulated", 1.0)
    assert [row["strategy"] for row in found["strategies"]] == ["ours", "random"]
    json.dumps(found, allow_nan=False)


def test_the_plot_is_a_picture_with_a_line_and_a_band_a_strategy() -> None:
    root = ElementTree.fromstring(plot([group(), group(budget_s=50.0)]))
    lines = [e for e in root.iter() if e.get("class", "").startswith("line s")]
    areas = [e for e in root.iter() if e.get("class", "").startswith("area s")]
    assert len(areas) == 4
    assert len(lines) == 8  # in the panel and in the key below it, of both budgets
    assert {kind_of(name) for name in STRATEGIES} == {f"s{at}" for at in range(len(COLOURS))}
    assert all(f".line.s{at}" in style() for at in range(len(COLOURS)))


def test_files_say_how_they_are_made_again(tmp_path: Path) -> None:
    groups = [group(), group(RECORDED)]
    files = write_files(groups, tmp_path, "autotune simulate --seeds 3")
    names = {path.name for path in files}
    assert names == {
        "README.md", "figures.csv", "curves.csv", "figures.json", "a-machine.svg", "a-recording.svg"
    }  # fmt: skip
    assert "autotune simulate --seeds 3" in (tmp_path / "README.md").read_text()
    rows = list(csv.DictReader((tmp_path / "figures.csv").read_text().splitlines()))
    assert [row["strategy"] for row in rows] == ["ours", "random"] * 2
    assert rows[1]["reach_p50_s"] == ""
    curve = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    assert curve[0]["regret_p50"] == "1.0"
    assert "| ours | 20s |" in readme(groups, "x")
    assert [name for name, _ in by_source(groups)] == ["a-machine", "a-recording"]


def test_progress_counts_searches_on_stderr() -> None:
    err = console()
    with SearchProgress("plain", err) as watch:
        watch.note("looking")
        watch.expect(2, kept=3)
        for seed in range(2):
            watch.told(Cell(SIMULATED, "ours", "usual", 1.0, seed), result(None))
    text = said(err)
    assert "3 searches are there already" in text
    assert "2 of 2 searches" in text
    with SearchProgress("none", quiet := console()) as watch:
        watch.expect(1, kept=1)
        watch.note("nothing")
    assert said(quiet) == ""


def test_a_bar_on_a_terminal() -> None:
    err = Console(file=io.StringIO(), width=80, force_terminal=True)
    with SearchProgress("rich", err) as watch:
        watch.expect(1, kept=0)
        watch.told(Cell(SIMULATED, "ours", "usual", 1.0, 0), result(None))
    assert watch.done == 1


def test_names_are_listed() -> None:
    out = console()
    print_names("strategies", {"ours": "this tuner"}, out)
    assert "ours" in said(out)
    assert "this tuner" in said(out)


def test_the_baseline_says_what_it_can_tell_and_what_not() -> None:
    looks = [
        Look("d", 4.0, 10.0, 10.0, is_default=True, is_whole=True),
        Look("a", 1.0, 10.0, 10.0, is_default=False, is_whole=True),
        Look("b", 3.0, 5.0, 10.0, is_default=False, is_whole=False),
    ]
    found = baseline_of("mine", looks, 0.0, draws=100)
    out = console()
    print_baseline(found, out)
    text = " ".join(said(out).split())
    assert "It can tell" in text
    assert "It cannot tell" in text
    assert "4.00x the default's speed" in text
    data = baseline_document(found)
    assert data["kind"] == "recorded"
    json.dumps(data, allow_nan=False)
    picture = ElementTree.fromstring(baseline_plot(found))
    assert picture.get("role") == "img"
