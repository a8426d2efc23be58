"""``autotune study`` and ``autotune export`` on a study that is on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autotune.cli.export import Export
from autotune.cli.find import find_study
from autotune.cli.main import main
from autotune.cli.study import Study
from autotune.cli.tree import subcommands
from autotune.errors import UserError
from autotune.records import TurnRecord


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))


def record(arm: str, turn: int, failure: str | None = None) -> TurnRecord:
    return TurnRecord(
        arm=arm,
        block=0,
        order=turn,
        session_id="s1",
        turn=turn,
        started_at="2026-11-01T10:00:00+00:00",
        asked_output_tokens=8,
        depth_tokens=1200,
        ttft_s=None if failure else 0.5,
        failure=failure,
    )


def write_turns(study: Path) -> None:
    records = [record("trial-0001", 0), record("trial-0001", 1, "crash"), record("default", 0)]
    lines = [json.dumps(r.to_json()) + "\n" for r in records]
    (study / "turns.jsonl").write_text("".join(lines))


def test_list_names_every_study(
    study: Path, unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "list", "--json"]) == 0
    demo, going = json.loads(capsys.readouterr().out)["studies"]
    assert (demo["name"], demo["state"], demo["speedup"]) == ("demo", "finished", 1.36)
    assert (going["name"], going["state"], going["speedup"]) == ("going", "unfinished", None)
    assert main(["study", "list"]) == 0
    out = capsys.readouterr().out
    assert "1.36x" in out
    assert max(map(len, out.splitlines())) <= 80


def test_list_of_nothing_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "list"]) == 0
    assert capsys.readouterr() == ("", "no studies in studies; autotune run makes one\n")
    assert main(["study", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"studies": []}


def test_show_has_verdict_facts_and_trials(
    with_trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "show", "demo"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("demo: Trial 1 wins.\n")
    assert "engine    llama-server 0.6.0 (build 11434)\n" in out
    assert "batch-size=512" in out
    assert "out-of-memory: no room for the" in " ".join(out.split())
    assert "3 trials" in out
    assert main(["study", "show", str(with_trials), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [trial["value"] for trial in document["trials"]] == [1.5, 1.1, None]


def test_turns_can_be_picked(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_turns(study)
    assert main(["study", "turns", "demo", "--trial", "1", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["arm"], row["turn"]) for row in rows] == [("trial-0001", 0), ("trial-0001", 1)]
    assert {row["warmth"] for row in rows} <= {"cold", "partial", "warm", "unknown"}
    assert main(["study", "turns", "demo", "--csv", "turns.csv"]) == 0
    assert Path("turns.csv").read_text().splitlines()[0].split(",").count("warmth") == 1
    assert Path("turns.csv").read_text().count("\n") > 1
    capsys.readouterr()
    assert main(["study", "turns", "demo", "--arm", "default"]) == 0
    out = capsys.readouterr().out
    assert "default" in out
    assert "trial-0001" not in out
    assert main(["study", "turns", "demo"]) == 0
    assert "crash" in capsys.readouterr().out


def test_a_study_that_is_not_there_gets_a_guess(study: Path) -> None:
    with pytest.raises(UserError, match="no study 'dmeo'") as caught:
        find_study(study.parent, "dmeo")
    assert caught.value.hint == "did you mean demo?"
    with pytest.raises(UserError) as caught:
        find_study(study.parent, "zzzz")
    assert caught.value.hint == "studies here: demo"
    with pytest.raises(UserError) as caught:
        find_study(study.parent / "none", "demo")
    assert "--studies-dir" in caught.value.hint


def test_a_study_is_found_by_name_and_by_path(study: Path) -> None:
    assert find_study(study.parent, "demo").path == study
    assert find_study(study.parent / "elsewhere", str(study)).path == study


@pytest.mark.usefixtures("study")
def test_export_writes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("#!/bin/sh\n# Written by autotune 0.1.0.\n# study: demo, trial 1\n")
    assert "--ubatch-size" not in out
    assert err == ""
    assert main(["export", "demo", "--full"]) == 0
    assert "--ubatch-size 512" in capsys.readouterr().out


@pytest.mark.usefixtures("study")
def test_export_writes_an_executable_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "demo", "--output", "serve.sh", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"format": "shell", "output": "serve.sh"}
    assert err == "wrote serve.sh\n"
    assert os.access(tmp_path / "serve.sh", os.X_OK)


@pytest.mark.usefixtures("study")
def test_export_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == "export/1"
    assert main(["export", "demo", "--format", "json", "--json"]) == 0
    wrapped = json.loads(capsys.readouterr().out)
    assert json.loads(wrapped["text"]) == document


def test_export_of_an_unfinished_study_is_refused(
    unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", unfinished.name]) == 2
    assert "study going has no result yet" in capsys.readouterr().err


def test_a_trial_needs_confirmation_or_consent(
    with_trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", with_trials.name, "--trial", "0"]) == 2
    assert "trial 0 of demo was not confirmed against" in capsys.readouterr().err
    assert main(["export", with_trials.name, "--trial", "0", "--allow-unconfirmed"]) == 0
    assert "# gain: not confirmed\n" in capsys.readouterr().out


def test_the_models_are_the_commands() -> None:
    assert list(subcommands(Study)) == ["list", "show", "turns"]
    assert Export.model_validate({"study": "x"}).format == "shell"
