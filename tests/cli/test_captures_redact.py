from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.workload.load import load_workload
from autotune.workload.model import Session, Turn
from autotune.workload.writer import write_capture

TEXT = "see /home/ada/Acme/x from ada@corp.io on 10.1.2.3"


@pytest.fixture(autouse=True)
def _a_capture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    turn = Turn("run-7", 0, ({"role": "user", "content": TEXT},))
    write_capture([Session("run-7", (turn,))], Path("in.jsonl"))


def text_in(path: str) -> str:
    (session,) = load_workload(Path(path)).sessions
    return str(session.turns[0].messages[0]["content"])


def test_check_ends_with_1_when_there_is_something(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "redact", "in.jsonl", "--check"]) == 1
    out = capsys.readouterr().out
    assert "1 session, 1 turn: 3 places to redact" in out
    assert "ada" not in out
    assert [path.name for path in Path().iterdir()] == ["in.jsonl"]


def test_what_is_redacted_passes_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "redact", "in.jsonl", "out.jsonl"]) == 0
    assert "1 session, 1 turn in out.jsonl; 1 line checked" in capsys.readouterr().out
    assert main(["captures", "redact", "out.jsonl", "--check"]) == 0
    assert "nothing to redact" in capsys.readouterr().out
    assert "ada" not in text_in("out.jsonl")
    assert len(text_in("out.jsonl")) == len(TEXT)


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "redact", "in.jsonl", "out.jsonl", "--hosts", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == "out.jsonl"
    assert {rule["rule"]: rule["places"] for rule in report["rules"]} == {
        "email": 2,
        "home-path": 1,
        "host": 1,
    }
    assert (report["found"], report["sessions"], report["verified_lines"]) == (4, 1, 1)


def test_words_allow_without_salt_and_session_ids() -> None:
    Path("words.txt").write_text("# mine\nacme\n\n", encoding="utf-8")
    command = ["captures", "redact", "in.jsonl", "out.jsonl", "--words-file", "words.txt"]
    more = ["--word", "see", "--allow", "ada", "--without", "email", "--salt", "x", "--session-ids"]
    assert main([*command, *more]) == 0
    once = text_in("out.jsonl")
    assert once.startswith("see") is False
    assert once.endswith(" from ada@corp.io on 10.1.2.3")
    assert "/home/ada/" in once
    assert "Acme" not in once
    (session,) = load_workload(Path("out.jsonl")).sessions
    assert session.session_id != "run-7"
    assert main([*command, *more, "--force"]) == 0
    assert text_in("out.jsonl") == once


def test_without_text() -> None:
    assert main(["captures", "redact", "in.jsonl", "out.jsonl", "--text", "none"]) == 0
    assert len(text_in("out.jsonl").split()) == round(len(TEXT) / 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.jsonl"], "nowhere to write"),
        (["in.jsonl", "in.jsonl", "--force"], "is the capture itself"),
        (["in.jsonl", "out.jsonl", "--without", "nope"], "no rule 'nope'"),
        (["in.jsonl", "out.jsonl", "--words-file", "gone.txt"], "cannot read gone.txt"),
        (["in.jsonl", "out.jsonl", "--model", "gone.gguf"], "no model at gone.gguf"),
        (["in.jsonl", "o.jsonl", "--model", "a", "--endpoint", "b"], "two tokenizers"),
        (["gone.jsonl", "out.jsonl"], "there is no gone.jsonl"),
    ],
)
def test_what_makes_no_sense(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["captures", "redact", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "hint: " in err
    assert not Path("out.jsonl").exists()


def test_nobody_at_the_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["captures", "redact", "in.jsonl", "out.jsonl", "--endpoint", "http://127.0.0.1:9"]
    assert main(command) == 3
    assert "cannot count tokens" in capsys.readouterr().err


def test_a_model_keeps_counts_exact(smollm2: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xllamacpp")
    command = ["captures", "redact", "in.jsonl", "out.jsonl", "--model", str(smollm2), "--json"]
    assert main(command) == 0
    tokens = json.loads(capsys.readouterr().out)["tokens"]
    assert tokens["exact"] is True
    assert tokens["before"] == tokens["after"] > 0
    assert tokens["inexact_texts"] == 0


def test_help_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "redact", "--help"]) == 0
    assert "autotune captures redact session.jsonl --check" in capsys.readouterr().out
