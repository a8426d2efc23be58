"""A page as Markdown, CSV, JSON, SVG files and on a terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from report_data import HOSTILE, REUSE, SUMMARY
from rich.console import Console

from autotune.errors import UserError
from autotune.report.page.bundle import plotly_bundle
from autotune.report.page.figures import Panel, Panels, Row, Rows, Series
from autotune.report.page.gather import StudyData
from autotune.report.page.html import MARK
from autotune.report.page.markdown import markdown
from autotune.report.page.model import (
    Command,
    Facts,
    Grid,
    Page,
    Prose,
    Section,
    prose,
    section,
    words,
)
from autotune.report.page.rows_csv import rows_csv
from autotune.report.page.story import print_story
from autotune.report.page.study_page import study_page
from autotune.report.page.terminal import print_page
from autotune.report.page.terminal_plots import bar, is_small, lines
from autotune.report.page.writing import file_name, rendered, write_plots, write_report
from autotune.study.folder import StudyFolder

Print = Callable[..., str]


@pytest.fixture
def printed() -> Print:
    def show(page: Page, *, colours: bool = False, width: int = 80) -> str:
        out = io.StringIO()
        print_page(
            page, Console(file=out, width=width, force_terminal=colours, legacy_windows=False)
        )
        return out.getvalue()

    return show


def test_markdown_tells_it_all_and_nothing_is_markup(data: StudyData) -> None:
    text = markdown(study_page(data), {"turns": "plots/turns.svg"})
    assert text.startswith("# tiny\n\n**Trial 2 beats the default: 1.25x its speed.**\n")
    assert "| 10-30k | tuned | 12 | 0.625 | 1.25 | 45s | 62.5 | 75% | – |" in text
    assert "](plots/turns.svg)" in text
    assert f"```sh\nCUDA_VISIBLE_DEVICES=GPU-1 {SUMMARY['launch_command']}\n```" in text
    assert "<img" not in text.replace("\\<img", "")


def test_cells_of_markdown_cannot_break_their_table() -> None:
    grid = Grid(heads=("a", "b"), rows=((words("x|y\nz"), words("`")),))
    page = Page(kind="study", title="t", verdict="v", sections=(Section("s", "S", (grid,)),))
    assert "| x\\|y z | \\` |" in markdown(page)


def test_a_fence_is_longer_than_what_it_holds() -> None:
    page = Page(kind="study", title="t", verdict="v",
                sections=(Section("s", "S", (Command("c", "echo '```'"),)),))  # fmt: skip
    assert "````sh\necho '```'\n````" in markdown(page)


def test_long_tables_are_cut_and_counted() -> None:
    grid = Grid(heads=("a",), rows=tuple((words(str(at)),) for at in range(70)))
    page = Page(kind="study", title="t", verdict="v", sections=(Section("s", "S", (grid,)),))
    assert "and 10 more rows" in markdown(page)


def test_csv_has_exact_values_and_no_formulas(data: StudyData) -> None:
    found = list(csv.DictReader(io.StringIO(rows_csv(study_page(data).records))))
    assert [row["trial"] for row in found] == ["0", "1", "2", "3", "4", "5"]
    assert found[0]["ttft_p50_s"] == "0.75"
    assert found[3]["ttft_p50_s"] == ""
    assert rows_csv([{"a": "=1+1", "b": True}, {"c": -1}]) == "a,b,c\n'=1+1,true,\n,,-1\n"


def test_json_is_what_is_on_disk(data: StudyData) -> None:
    found = json.loads(rendered(study_page(data), "json"))
    assert found["result"]["summary"] == SUMMARY
    assert found["schema_version"] == "report/1"
    assert len(found["trials"]) == 6


def test_html_holds_plotly_unless_it_is_static(data: StudyData) -> None:
    page = study_page(data)
    whole, static = rendered(page, "html"), rendered(page, "html", static=True)
    assert plotly_bundle() in whole
    assert len(static) < 150_000 < len(whole) < 3_000_000
    assert plotly_bundle() is plotly_bundle()


def test_plots_are_files_by_their_names(data: StudyData, tmp_path: Path) -> None:
    found = write_plots(study_page(data), tmp_path / "plots")
    assert {path.name for path in found.values()} == {
        "sure.svg", "depth.svg", "turns.svg", "reuse-default.svg", "pareto.svg", "effects.svg",
        "history.svg", "time.svg",
    }  # fmt: skip
    assert all(path.read_text().startswith("<svg") for path in found.values())
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is no folder"):
        write_plots(study_page(data), tmp_path / "file")
    assert file_name("reuse-../a b") == "reuse-..-a-b"
    assert file_name("..") == "plot"


def test_a_report_replaces_reports_only(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, f"{MARK}old", "html")
    write_report(path, f"{MARK}new", "html")
    assert path.read_text() == f"{MARK}new"
    path.write_text("mine")
    with pytest.raises(UserError, match="no report of this command"):
        write_report(path, MARK, "html")
    with pytest.raises(UserError, match="is a folder"):
        write_report(tmp_path, MARK, "html")
    with pytest.raises(UserError, match="there is no folder"):
        write_report(tmp_path / "no" / "x.html", MARK, "html")


def test_a_terminal_of_80_columns_has_the_story(data: StudyData, printed: Print) -> None:
    out = printed(study_page(data))
    assert "Measured on" in out
    out = out.partition("Measured on")[0]
    long_ = [line for line in out.splitlines() if len(line) > 80 and "llama-server" not in line]
    assert [line for line in long_ if "autotune export" not in line] == []
    for told in ("Before and after", "Turn by turn", "Prefix reuse", "TTFT against decode",
                 "Which settings matter", "Where the time went", "Held it"):  # fmt: skip
        assert told in out
    assert "\x1b" not in out
    assert "D default" in out
    assert "\x1b" in printed(study_page(data), colours=True)


def test_letters_draw_what_figures_say() -> None:
    assert bar(0.5, 4) == "██"
    assert bar(0.03125, 4) == "▏"
    rows = Rows(
        name="r", title="", described="", across="s", rows=(Row("load", 1.0), Row("run", 2.0))
    )
    first, second = (line.plain for line in lines(rows, 60))
    assert first.count("█") * 2 == second.count("█") == 24
    marks = Rows(name="r", title="", described="", across="x", reference=1.0,
                 rows=(Row("a", 1.5, "tuned", 1.2, 2.0),))  # fmt: skip
    (drawn,) = lines(marks, 60)
    assert drawn.plain.index("┊") < drawn.plain.index("─") < drawn.plain.index("●")


def test_sparklines_keep_the_highest_of_a_column() -> None:
    y = tuple(9.0 if at == 500 else 1.0 for at in range(1000))
    series = Series(name="s", role="default", x=tuple(map(float, range(1000))), y=y)
    figure = Panels(name="p", title="", described="", across="x", panels=(Panel("P", (series,)),))
    head, spark = lines(figure, 80)
    assert head.plain == "P"
    assert spark.plain.count("█") == 1
    assert spark.plain.endswith("1.00 to 9.00")


def test_what_has_many_rows_is_not_drawn_in_letters() -> None:
    rows = tuple(Row(str(at), 1.0) for at in range(40))
    assert not is_small(Rows(name="r", title="", described="", across="", rows=rows))


def test_sections_of_nothing_are_none() -> None:
    assert section("s", "S", None) is None
    assert prose(["", ""]) is None
    assert section("s", "S", Prose(("x",)), None) == Section("s", "S", (Prose(("x",)),))


def test_facts_on_a_terminal_line_up(printed: Print) -> None:
    block = Facts((("a", "1"), ("long", HOSTILE)))
    page = Page(kind="study", title="t", verdict="v", sections=(Section("s", "S", (block,)),))
    assert f"a     1\nlong  {HOSTILE}\n" in printed(page, width=200)


def test_reuse_is_told_by_cause_on_a_terminal(data: StudyData, printed: Print) -> None:
    out = printed(study_page(data))
    assert REUSE["causes"][0]["words"][:20] in out


def test_the_story_of_a_comparison_is_told_without_what_is_told_already() -> None:
    studies = Path(__file__).parents[3] / "studies"
    folder = StudyFolder(studies / "prefix-cache-llama-server" / "made-up-session")
    out = io.StringIO()
    print_story(folder, Console(file=out, width=80))
    told = out.getvalue()
    assert "By depth" in told
    assert "Measured on" not in told
    assert max(map(len, told.splitlines())) <= 80
