"""``autotune nightly run``: what it prints, where, and how it exits. No engine is started."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from night_world import Answers, seen_of, stub, summary_of

from autotune.cli.main import main
from autotune.cli.nightly_machine import make_plan
from autotune.cli.user_cache import user_cache
from autotune.errors import ExitCode
from autotune.nightly import night_plan, night_work
from autotune.nightly.gpu_lock import gpu_lock
from autotune.nightly.idle import Looked
from autotune.nightly.retune_verdict import Act
from autotune.search import session

TARGETS = """
[nightly]
gpu = "cpu"
engine = "llama-server"
model = "m.gguf"
workload = "captures"
budget = "10m"
idle = { when-busy = "skip", person = "off" }

[nightly.targets.coder]
[[nightly.targets.coder.exports]]
format = "json"
path = "served/a.json"

[nightly.targets.other]
"""


@pytest.fixture(autouse=True)
def answers(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Answers:
    """A folder with two targets, and what the engine would say."""
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "autotune.toml").write_text(TARGETS)
    made = Answers(model=tmp_path / "m.gguf")
    made.model.touch()
    stub(made, monkeypatch.setattr)
    monkeypatch.setattr(night_plan, "look_at", lambda *_, **__: seen_of(made))
    monkeypatch.setattr(night_plan, "idle", _idle_by(made))
    monkeypatch.setattr(night_work, "when_idle", _when_idle_by(made))

    def study(request: Any, listener: Any, stop: Any) -> Any:
        made.requests.append(request)
        made.during_study()
        code = ExitCode.STOPPED_EARLY if stop.is_set() else made.exit_code
        return summary_of(request, code)

    monkeypatch.setattr(session, "run_study", study)
    return made


def _idle_by(answers: Answers) -> Any:
    from autotune.nightly.idle import idle

    return lambda _seen, rule: idle(answers.looked, rule)


def _when_idle_by(answers: Answers) -> Any:
    from autotune.nightly.idle import idle

    return lambda _look, rule, _clock, **_: idle(answers.looked, rule)


def test_it_runs_the_night_of_each_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["nightly", "run"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "coder: a new config is live"
    assert lines[1] == "  trial 7 beats the default"
    page = Path(lines[2].removeprefix("  page: "))
    assert (tmp_path / page).is_file()
    assert lines[3] == "other: a new config is live"
    assert "coder: first tuning: it was never tuned" in told.err
    assert (tmp_path / "served" / "a.json").is_symlink()


def test_as_json_it_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "run", "coder", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    (night,) = told["nights"]
    assert (night["outcome"], night["generation"], told["exit_code"]) == ("promoted", 1, 0)
    assert Path(night["page"]).is_file()


def test_its_exit_code_is_the_gravest(answers: Answers) -> None:
    assert main(["nightly", "run", "coder"]) == 0
    answers.act = Act.LEAVE
    assert main(["nightly", "run", "coder", "--force"]) == ExitCode.NOTHING_BETTER
    answers.looked = Looked(requests=1)
    assert main(["nightly", "run", "coder"]) == ExitCode.STOPPED_EARLY
    assert main(["nightly", "run", "coder", "--now"]) == 0  # steady


def test_a_dry_run_says_what_it_would_do(
    tmp_path: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.looked = Looked(requests=1)
    assert main(["nightly", "run", "--dry-run", "coder"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "coder: first tuning",
        "  because it was never tuned",
        "  live: nothing yet; llama-server b1, m.gguf, 1 session",
        "  budget: 10m 00s",
        "  not now: the endpoint works on 1 request",
    ]
    assert not (tmp_path / "served").exists()
    main(["nightly", "run", "coder", "--now"])
    capsys.readouterr()
    with gpu_lock("cpu", user_cache(os.environ) / "nightly" / "locks", "other"):
        assert main(["nightly", "run", "--dry-run", "coder", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["targets"]
    assert (row["decision"], row["live"], row["budget_s"]) == ("canary", 1, None)
    assert row["held_by"]["target"] == "other"


def test_ctrl_c_is_polite_and_ends_the_nights_behind_it(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.during_study = lambda: os.kill(os.getpid(), signal.SIGTERM)
    assert main(["nightly", "run"]) == ExitCode.STOPPED_EARLY
    told = capsys.readouterr()
    assert told.out.startswith("coder: stopped before its end")
    assert "other: not begun: it was told to end" in told.err
    assert len(answers.requests) == 1


def test_a_second_ctrl_c_ends_it_at_once(answers: Answers) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    answers.during_study = twice
    assert main(["nightly", "run", "coder"]) == ExitCode.INTERRUPTED


def test_a_target_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "run", "codr"]) == ExitCode.USAGE
    assert "did you mean coder?" in capsys.readouterr().err


def test_what_schedules_begin_is_this_command(
    tmp_path: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words that install writes down are words that run takes."""
    from datetime import time

    plan = make_plan(tmp_path, Path("studies"), ("coder",), time(2, 30), (), 18_000)
    words = list(plan.command[plan.command.index("nightly") :])
    assert words == ["nightly", "run", "coder"]
    assert main(words) == 0
    elsewhere = make_plan(tmp_path, tmp_path / "elsewhere", (), time(2, 30), (), 18_000)
    words = list(elsewhere.command[elsewhere.command.index("nightly") :])
    assert main(words) == 0
    assert (tmp_path / "elsewhere" / "nightly" / "other" / "nights").is_dir()
