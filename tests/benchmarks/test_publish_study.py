"""A study is published with all that its report reads, and nothing of the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from formula import Bench, FormulaMeasurer
from publish_study import documents, main, own_words, traces

from autotune.report.page.sources import read_page
from autotune.study.folder import StudyFolder


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished study of the user whose home is ``tmp_path/home``."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("socket.gethostname", lambda: "the-host")
    bench = Bench(home / "studies" / "mine")
    bench.run(FormulaMeasurer(), 3)
    folder = bench.folder
    provenance = folder.read_provenance() if folder.exists() else {}
    folder.write_provenance({**provenance, "model_path": f"{home}/models/m.gguf"})
    result = folder.read_result() or {"summary": {}}
    command = f"{home}/bin/engine --log studies/mine/logs/x.log"
    folder.write_result({**result, "summary": {**result["summary"], "launch_command": command}})
    (folder.path / "logs").mkdir(exist_ok=True)
    (folder.path / "logs" / "trial-0000-b0.log").write_text("private")
    return folder.path


def published(study: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> tuple[int, Path]:
    target = study.parents[2] / "out" / "example"
    monkeypatch.setattr("publish_study.own_words", lambda: words)
    monkeypatch.setattr("sys.argv", ["publish_study.py", str(study), "--output", str(target)])
    return main(), target


def test_the_copy_tells_the_study_and_not_the_machine(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, target = published(study, monkeypatch, [str(Path.home())])
    assert code == 0
    written = {Path(path).name for path in json.loads(capsys.readouterr().out)}
    assert written == {path.name for path in target.iterdir()}
    assert "study.db" in written
    copy = StudyFolder(target)
    assert copy.read_provenance()["model_path"] == "~/models/m.gguf"
    summary = (copy.read_result() or {})["summary"]
    assert summary["study"] == "example"
    assert summary["launch_command"] == "~/bin/engine --log studies/example/logs/x.log"
    trials = copy.read_trials()
    assert [t["value"] for t in trials] == [t["value"] for t in StudyFolder(study).read_trials()]
    assert len(trials) == 3
    assert read_page([target]).title == "example"


def test_reading_the_copy_leaves_it_as_it_is(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, target = published(study, monkeypatch, [])
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert StudyFolder(target).read_trials()
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_what_is_left_of_the_machine_ends_it(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, target = published(study, monkeypatch, ["m.gguf"])
    assert code == 1
    assert "provenance.json: m.gguf" in capsys.readouterr().err
    assert list(target.iterdir()) == []


def test_a_folder_without_a_study_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert published(tmp_path / "a" / "b" / "c", monkeypatch, [])[0] == 1
    assert "holds no study" in capsys.readouterr().err


def test_words_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"vllm": 1, "at": "/tmp/x vm"}')
    assert list(traces([path], ["vm", "/tmp"])) == [f"{path}: vm", f"{path}: /tmp"]
    assert documents(tmp_path) == [path]
    assert str(Path.home()) in own_words()
