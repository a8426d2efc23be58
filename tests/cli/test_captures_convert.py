"""``autotune captures convert --to``: other tools' formats on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.workload.load import load_workload

SOURCE = str(Path(__file__).parents[1] / "workload" / "fixtures" / "fizeau-small.jsonl")


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def test_a_folder_for_another_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "convert", SOURCE, "out", "--to", "agentperf"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 session in out\n"
    assert "not in agentperf: request parameters" in captured.err
    assert json.loads(Path("out/manifest.json").read_text())["tasks"][0]["model_calls"] == 5


def test_the_answer_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["captures", "convert", SOURCE, "x.jsonl", "--to", "otel", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": "x.jsonl",
        "sessions": 1,
        "turns": 5,
        "format": "otel",
        "left_out": {},
    }


def test_hashes_are_those_of_the_salt(capsys: pytest.CaptureFixture[str]) -> None:
    salts = {"a": ["--salt", "s"], "b": ["--salt", "s"], "c": [], "d": []}
    for name, salt in salts.items():
        out = f"{name}.jsonl"
        assert main(["captures", "convert", SOURCE, out, "--to", "mooncake-hash", *salt]) == 0
    texts = {name: Path(f"{name}.jsonl").read_bytes() for name in salts}
    assert texts["a"] == texts["b"]
    assert len(set(texts.values())) == 3
    assert load_workload(Path("a.jsonl")).formats == ("mooncake",)
    assert "all text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out", "--to", "otel"], "is one file"),
        (["x.jsonl", "--to", "otel", "--salt", "s"], "takes no salt"),
        (["x.jsonl", "--to", "otl"], "did you mean otel?"),
        (["x.jsonl", "--to", "weka-hash"], "is a folder"),
    ],
)
def test_what_does_not_go_together(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["captures", "convert", SOURCE, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(Path().iterdir()) == []
