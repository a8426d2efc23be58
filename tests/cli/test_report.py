"""``autotune report`` on studies that are on disk."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
from drawing import needs_png
from report_data import read_html

from autotune.cli import report as command
from autotune.cli.main import main

COMPARED = Path(__file__).parents[2] / "studies" / "prefix-cache-llama-server" / "made-up-session"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))


def test_html_goes_into_the_study(with_trials: Path, capsys: Captured) -> None:
    assert main(["report", "demo"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "wrote studies/demo/report.html\n")
    seen = read_html((with_trials / "report.html").read_text())
    assert "Trial 1 wins." in seen.words
    assert main(["report", "demo", "--static", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"format": "html", "output": "studies/demo/report.html", "plots": {}}


def test_other_forms_go_to_stdout(with_trials: Path, capsys: Captured) -> None:
    assert main(["report", "demo", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["value"] for row in rows] == ["1.5", "1.1", ""]
    assert main(["report", "demo", "--format", "md"]) == 0
    assert capsys.readouterr().out.startswith("# demo\n\n**Trial 1 wins.**\n")
    assert main(["report", "demo", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["winner"]["trial"] == 1
    assert main(["report", "demo", "--format", "csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "csv"


def test_plots_are_written_and_named(capsys: Captured, tmp_path: Path) -> None:
    argv = ["report", str(COMPARED), "--format", "md", "--output", "r.md", "--plots", "plots"]
    assert main(argv) == 0
    assert "wrote plots/verdicts.svg\n" in capsys.readouterr().err
    assert "](plots/verdicts.svg)" in Path("r.md").read_text()


def test_plots_are_pictures_where_that_is_asked(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ["report", str(COMPARED), "--static", "--output", "r.html", "--plots", "plots",
            "--plots-format", "png"]  # fmt: skip
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "resvg_py", None)
        assert main(argv) == 3
    told = capsys.readouterr().err
    assert "error: PNG plots need resvg-py" in told
    assert "hint: pip install 'autotune-serving[png]'" in told
    assert not Path("r.html").exists()
    needs_png()
    assert main(argv) == 0
    assert "wrote plots/verdicts.png\n" in capsys.readouterr().err
    assert Path("plots/verdicts.png").read_bytes().startswith(b"\x89PNG")


def test_studies_side_by_side(with_trials: Path, unfinished: Path, capsys: Captured) -> None:
    assert main(["report", "demo", "going", "--format", "md"]) == 0
    assert capsys.readouterr().out.startswith("# 2 studies side by side\n")
    assert main(["report", "demo", "going", "--static"]) == 0
    assert Path("studies/report.html").is_file()


@pytest.mark.parametrize(
    "argv",
    [["none"], ["demo", "--format", "md", "--open"], ["."], ["demo", "--plots-format", "png"]],
)
def test_what_cannot_be_is_refused(study: Path, argv: list[str], capsys: Captured) -> None:
    assert main(["report", *argv]) == 2
    assert "hint:" in capsys.readouterr().err


def test_it_is_shown_in_the_browser(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(shown.append(url)) or True)
    assert main(["report", "demo", "--static", "--open"]) == 0
    assert shown == [(study / command.NAME).resolve().as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    assert main(["report", "demo", "--static", "--open"]) == 2
    assert "no browser" in capsys.readouterr().err


def test_the_terminal_tells_the_story_too(with_trials: Path, capsys: Captured) -> None:
    assert main(["study", "show", "demo"]) == 0
    out = capsys.readouterr().out
    assert "What to start" in out
    assert "\x1b" not in out
