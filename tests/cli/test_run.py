"""``autotune run``: the request it makes, how it ends, and how signals end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autotune.cli.main import main
from autotune.cli.run import Run, with_exports
from autotune.cli.user_cache import noise_folder
from autotune.search.events import Prepared, Summary
from autotune.search.request import RunRequest

STOPPED = Summary("demo", "studies/demo", 75, "Stopped after 1 trial.", None, None, None)


def summary(**more: Any) -> Summary:
    base = {"study": "demo", "study_dir": "studies/demo", "exit_code": 1, "verdict": "No.", **more}
    return Summary(**{"winner": None, "speedup": None, "interval": None, **base})


def install(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    """Puts functions of a test in the place of the search."""
    monkeypatch.setitem(sys.modules, "autotune.search.session", SimpleNamespace(**functions))


@pytest.fixture
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))
    return tmp_path


@pytest.mark.usefixtures("here")
def test_every_field_of_the_request_is_translated() -> None:
    made = Run.model_validate(
        {
            "workload": "caps",
            "budget": "10m",
            "trials": 3,
            "max_depth": "30k",
            "set": ["threads=8", "ubatch-size=128,512", "batch-size+=8192"],
            "fix": ["tensor-split=3,1"],
            "space": {"parameters": {"prio": {"choices": [0, 2]}}},
            "model": "m.gguf",
            "new_study": True,
            "dry_run": True,
        }
    ).request()
    assert made == RunRequest(
        workload=Path("caps"),
        budget_s=600.0,
        trials=3,
        max_depth=30000,
        pins={"threads": 8, "ubatch-size": "128,512", "batch-size+": 8192},
        fixes={"tensor-split": "3,1"},
        tables={"prio": {"choices": [0, 2]}},
        model=Path("m.gguf"),
        new_study=True,
        dry_run=True,
        noise_cache=noise_folder(os.environ),
    )


@pytest.mark.usefixtures("here")
def test_defaults_are_those_of_the_request() -> None:
    asked = RunRequest(workload=Path("w"), noise_cache=noise_folder(os.environ))
    assert Run.model_validate({"workload": "w"}).request() == asked


@pytest.mark.usefixtures("here")
def test_the_summary_goes_to_stdout_and_progress_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_study(request: RunRequest, listener: Any, *, stop: threading.Event) -> Summary:
        assert not stop.is_set()
        listener(Prepared("demo", "d", "e", "1", "m", "cpu", 1, 2, 0, 9, "0-10k", 4, 0, None, None))
        return summary(verdict="Nothing [won].", resume="autotune run --study demo")

    install(monkeypatch, run_study=run_study)
    assert main(["run", "--workload", "w"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("Nothing [won].\n")
    assert "To go on:\n  autotune run --study demo" in out
    assert "engine    e 1\n" in err
    assert "\x1b" not in out + err


@pytest.mark.usefixtures("here")
def test_json_is_one_event_a_line_and_ends_with_the_summary(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_study(request: RunRequest, listener: Any, *, stop: threading.Event) -> Summary:
        listener(Prepared("demo", "d", "e", "1", "m", "cpu", 1, 2, 0, 9, "0-10k", 4, 0, None, None))
        return summary()

    install(monkeypatch, run_study=run_study)
    assert main(["run", "--workload", "w", "--json"]) == 1
    out, err = capsys.readouterr()
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["prepared", "summary"]
    assert events[-1]["exit_code"] == 1
    assert err == ""


@pytest.mark.usefixtures("here")
def test_display_none_keeps_stderr_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, run_study=lambda request, listener, stop: summary())
    assert main(["run", "--workload", "w", "--display", "none"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("here")
def test_an_interrupt_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_study(*_: Any, **__: Any) -> Summary:
        raise KeyboardInterrupt

    install(monkeypatch, run_study=run_study)
    assert main(["run", "--workload", "a b"]) == 130
    assert capsys.readouterr().err == "interrupted; to go on: autotune run --workload 'a b'\n"


def test_a_winner_is_exported_in_every_format(study: Path) -> None:
    done = with_exports(summary(study_dir=str(study), winner=1, exit_code=0))
    names = [Path(path).name for path in done.exports]
    assert names == ["serve.sh", "config.json"]
    assert os.access(study / "exports" / "serve.sh", os.X_OK)
    assert json.loads((study / "exports" / "config.json").read_text())["settings"] == {
        "batch-size": 512,
        "kv-unified": False,
    }


def test_nothing_is_exported_when_nothing_won(tmp_path: Path) -> None:
    assert with_exports(summary(study_dir=str(tmp_path))).exports == ()
    assert list(tmp_path.iterdir()) == []


CHILD = """
import sys, types
from autotune.search.events import Summary

def run_study(request, listener, *, stop):
    try:
        print("ready", file=sys.stderr, flush=True)
        while not (stop.wait(0.05) and request.seed == 0):
            pass
    finally:
        print("engine stopped", file=sys.stderr, flush=True)
    return Summary("demo", "d", 75, "Stopped.", None, None, None, resume="autotune run")

sys.modules["autotune.search.session"] = types.SimpleNamespace(run_study=run_study)
from autotune.cli.main import main
sys.exit(main(["run", "--workload", "w", "--seed", sys.argv[1]]))
"""


@pytest.fixture
def child(tmp_path: Path, cli_env: dict[str, str]) -> Iterator[Any]:
    """Starts a run that ends when asked (seed 0) or only when forced (seed 1)."""
    started: list[subprocess.Popen[str]] = []

    def start(seed: int) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        argv = [sys.executable, "-c", CHILD, str(seed)]
        process = subprocess.Popen(
            argv, cwd=tmp_path, env=cli_env, stdout=pipe, stderr=pipe, text=True
        )
        started.append(process)
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_the_trial(child: Any, number: signal.Signals) -> None:
    process = child(0)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 75
    assert out.startswith("Stopped.\n")
    expected = "stopping after this trial; press Ctrl-C again to stop at once\nengine stopped\n"
    assert err == expected


def test_two_interrupts_stop_at_once(child: Any) -> None:
    process = child(1)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("stopping after this trial")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    expected = "stopping the engine\nengine stopped\ninterrupted; to go on: autotune run"
    assert err.startswith(expected)
