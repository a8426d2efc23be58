"""``autotune simulate`` on a small simulated machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.cli.simulate import FOLDER, Simulate, engine_time
from autotune.errors import UserError
from autotune.strategies.compared import EngineTime
from autotune.strategies.table import STRATEGIES, USUAL

SMALL = ["--setup", "2-cores-vllm", "--strategy", "grid", "--seeds", "2", "--budget", "3m"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))
    monkeypatch.setattr("autotune.strategies.optimum.CHANCES", 0)
    # Somebody may be at work on the code while the test runs.
    monkeypatch.setattr("autotune.strategies.compared.code_digest", lambda: "code")


def test_it_lists_what_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "3090-qwen-27b" in found["setups"]
    assert set(found["strategies"]) == set(STRATEGIES)
    assert main(["simulate", "--list"]) == 0
    out = capsys.readouterr().out
    assert "llama-optimus-own" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_comparison_writes_its_files_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *SMALL]) == 0
    first = capsys.readouterr()
    assert "SIMULATED, nothing was measured" in first.out
    assert "2 of 2 searches" in first.err
    folder = tmp_path / "studies" / FOLDER
    assert (folder / "2-cores-vllm.svg").is_file()
    lines = (folder / "searches.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert main(["simulate", *SMALL, "--json"]) == 0
    again = capsys.readouterr()
    (group,) = json.loads(again.out)["groups"]
    assert (group["kind"], group["budget_s"]) == ("simulated", 180.0)
    assert [row["searches"] for row in group["strategies"]] == [2]
    assert again.err == ""
    assert (folder / "searches.jsonl").read_text().splitlines() == lines


def test_names_that_are_not_there_say_which_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--setup", "nowhere"]) == 2
    assert "2-cores-vllm" in capsys.readouterr().err
    assert main(["simulate", "--setup", "2-cores-vllm", "--strategy", "best"]) == 2
    assert "llama-optimus" in capsys.readouterr().err


def test_what_is_asked(tmp_path: Path) -> None:
    asked = Simulate(setup=["2-cores-vllm", "2-cores-vllm"], budget=["60s", "20x"]).asked()
    assert [source.name for source in asked.sources] == ["2-cores-vllm"]
    assert asked.budgets == (EngineTime(seconds=60.0), EngineTime(trials=20))
    assert (asked.strategies, asked.noise) == (USUAL, "usual")
    assert len(Simulate().asked().sources) > 5
    for parent in ("a", "b"):
        (tmp_path / parent / "same").mkdir(parents=True)
        (tmp_path / parent / "same" / "provenance.json").write_text("{}")
    with pytest.raises(UserError, match="two setups are called same"):
        Simulate(setup=["a/same", "b/same"]).asked()


@pytest.mark.parametrize("text", ["soon", "0x", "-2x", "0s", "x", ""])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no budget"):
        engine_time(text)


def test_an_interrupt_keeps_what_is_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("autotune.strategies.compared.run_cells", interrupted)
    assert main(["simulate", *SMALL]) == 130
    assert "to go on: autotune simulate" in capsys.readouterr().err


def test_a_study_beside_chance(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--study", "nothing"]) == 2
    assert "there is no study 'nothing'" in capsys.readouterr().err
    # This one is read, and has no trial of its default.
    assert main(["simulate", "--study", study.name]) == 2
    assert "has not measured its default" in capsys.readouterr().err
