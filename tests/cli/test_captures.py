from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.workload.load import load_workload

FIXTURES = Path(__file__).parents[1] / "workload" / "fixtures"
QUICK = ["--sessions", "1", "--turns", "3", "--depth", "3000", "--reply-tokens", "20"]


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def test_synthesize_then_inspect(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "synthesize", "demo.jsonl", *QUICK]) == 0
    assert capsys.readouterr().out == "1 session in demo.jsonl\n"
    assert main(["captures", "inspect", "demo.jsonl"]) == 0
    out = capsys.readouterr().out
    assert "1 session, 3 turns" in out
    assert "synthetic x 3" in out
    assert max(map(len, out.splitlines()[1:-1])) <= 80


def test_inspect_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [FIXTURES / "capture-small.jsonl", FIXTURES / "fizeau-small.jsonl"]
    assert main(["captures", "inspect", *map(str, paths), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["turns"] == 9
    assert report["digest"] == load_workload(paths).digest
    assert [file["format"] for file in report["files"]] == ["capture/1", "fizeau"]
    assert report["buckets"][1] == {
        "label": "10-30k",
        "turns": 0,
        "ttft_turns": 0,
        "ttft_p50_s": None,
    }


def test_inspect_several_paths(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(FIXTURES / "capture-small.jsonl"), str(FIXTURES / "fizeau-small.jsonl")]
    assert main(["captures", "inspect", *paths, "--rows", "1"]) == 0
    out = capsys.readouterr().out
    assert "and 1 more (--rows shows them)" in out
    assert "and 2 more (--rows shows them)" in out


def test_synthesize_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "synthesize", "out", *QUICK, "--subagents", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": "out", "sessions": 2}
    assert (Path("out") / "manifest.json").is_file()


def test_the_seed_decides() -> None:
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        assert main(["captures", "synthesize", f"{name}.jsonl", *QUICK, "--seed", seed]) == 0
    a, b, c = (Path(f"{name}.jsonl").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_what_is_there_is_not_replaced_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["captures", "synthesize", "demo.jsonl", *QUICK]
    assert main(command) == 0
    assert main(command) == 2
    assert "hint: add --force to replace it" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0


def test_numbers_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "synthesize", "x.jsonl", "--depth", "900"]) == 2
    assert "no room" in capsys.readouterr().err
    assert not Path("x.jsonl").exists()


def test_convert_tells_damage_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    source = FIXTURES / "fizeau-small.jsonl"
    assert main(["captures", "convert", str(source), "x.jsonl.zst"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 session in x.jsonl.zst\n"
    assert captured.err == "fizeau-small.jsonl:16: unanswered-request x 1\n"
    assert load_workload(Path("x.jsonl.zst")).sessions == load_workload(source).sessions


def test_a_capture_is_not_converted_onto_itself(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(FIXTURES / "capture-small.jsonl", "x.jsonl")
    before = Path("x.jsonl").read_bytes()
    assert main(["captures", "convert", "x.jsonl", "./x.jsonl", "--force"]) == 2
    assert "is the capture itself" in capsys.readouterr().err
    assert Path("x.jsonl").read_bytes() == before


def test_a_folder_is_not_converted_into_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    shutil.copy(FIXTURES / "capture-small.jsonl", "in/x.jsonl")
    assert main(["captures", "convert", "in", "in/out", "--force"]) == 2
    assert "inside" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_a_file_of_no_known_format(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.jsonl").write_text("hello\n")
    extra = ["y.jsonl"] if command == "convert" else []
    assert main(["captures", command, "x.jsonl", *extra]) == 2
    err = capsys.readouterr().err
    assert "error: x.jsonl is not a capture that is known here" in err
    assert "autotune captures formats" in err
    assert not Path("y.jsonl").exists()


@pytest.mark.parametrize("command", ["inspect", "synthesize", "convert"])
def test_help_ends_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.rstrip().splitlines()[-1].strip().startswith("autotune captures")
