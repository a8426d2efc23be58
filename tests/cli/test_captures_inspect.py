"""``autotune captures inspect`` with a page and with a model's own tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.cli.main import main

FIXTURES = Path(__file__).parents[1] / "workload" / "fixtures"
SMALL = str(FIXTURES / "capture-small.jsonl")


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def test_a_page_is_written_beside_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second replaces the first
        assert main(["captures", "inspect", SMALL, "--html", "page.html"]) == 0
    told = capsys.readouterr()
    assert "Sessions, depth in tokens" in told.out
    assert told.err.splitlines() == ["plots in page.html"] * 2
    assert "Depth by turn" in Path("page.html").read_text()


def test_another_file_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.html").write_text("mine")
    assert main(["captures", "inspect", SMALL, "--html", "notes.html"]) == 2
    assert "no page of this command" in capsys.readouterr().err
    assert Path("notes.html").read_text() == "mine"


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "inspect", SMALL, "--model", "gone.gguf"]) == 2
    assert "no model at gone.gguf" in capsys.readouterr().err


def test_a_model_counts_every_session(smollm2: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xllamacpp")
    assert main(["captures", "inspect", SMALL, "--model", str(smollm2), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    counted = {row["session_id"]: row for row in report["counted"]}
    assert set(counted) == {session["session_id"] for session in report["sessions"]}
    assert all(row["counted_tokens"] > 0 for row in counted.values())
    argv = ["captures", "inspect", SMALL, "--model", str(smollm2), "--html", "p.html"]
    assert main(argv) == 0
    assert "Deepest prompt, counted by the model" in capsys.readouterr().out
    assert "Deepest prompt, counted by the model" in Path("p.html").read_text()
