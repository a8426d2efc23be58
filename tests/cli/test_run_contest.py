"""``autotune run --engine a,b`` as a person starts, interrupts, kills and resumes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from waiting import fake_engines_of, until

from autotune.cli.main import main
from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


@dataclass
class Contest:
    """One command line and the contest it works on."""

    argv: list[str]
    env: dict[str, str]
    folder: StudyFolder
    marks: Path

    def start(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autotune.cli.main", *self.argv, *more],
            env=self.env,
            cwd=self.marks,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        with self.start(*more) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def turned_around(self) -> Contest:
        """With the fast engine first, and no trial but the defaults."""
        at = self.argv.index("--engine") + 1
        engines = ",".join(reversed(self.argv[at].split(",")))
        argv = [*self.argv[:at], engines, *self.argv[at + 1 :], "--trials", "2"]
        return replace(self, argv=argv)

    def study(self, engine: str) -> StudyFolder:
        return StudyFolder(self.folder.path / engine)

    def states(self) -> dict[str, list[str]]:
        return {e: [t["state"] for t in self.study(e).read_trials()] for e in ("slow", "fast")}

    def records(self, engine: str, arm: str) -> int:
        return sum(r.arm == arm for r in self.study(engine).read_turns())

    def engines(self) -> list[int]:
        """Engines of this test."""
        return fake_engines_of(self.marks)


@pytest.fixture
def contest(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> Iterator[Contest]:
    """Two engines, two trials each; a turn takes a sixth of a second, or a quarter of that."""
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    manifests = [
        fake_engine_manifest(token_us=token_us, search_space=str(SPACE), name=name)
        for name, token_us in (("slow", 40000.0), ("fast", 10000.0))
    ]
    argv = ["run", "--engine", ",".join(map(str, manifests)), "--gpu", "cpu"]
    argv += ["--model", str(fake_model), "--workload", str(workload), "--study", "c"]
    argv += ["--trials", "4", "--confirm-blocks", "1", "--max-output-tokens", "4"]
    argv += ["--display", "plain"]
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
    env = {**kept, "HOME": str(tmp_path / "home"), "COLUMNS": "110"}
    made = Contest(argv, env, StudyFolder(tmp_path / "studies" / "c"), tmp_path)
    yield made
    for pid in made.engines():
        os.kill(pid, signal.SIGKILL)


def test_a_contest_ends_with_a_verdict_a_table_and_an_export_that_names_its_engine(
    contest: Contest, capsys: pytest.CaptureFixture[str]
) -> None:
    done = contest.run()
    assert done.returncode == ExitCode.DONE, done.stderr
    lines = done.stderr.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("engine ")] == ["slow", "fast"]
    started = [line for line in lines if " started: " in line]
    assert [line.split()[0] for line in started] == ["slow", "fast", "slow", "fast"]
    assert started[1].startswith("fast trial #0 (2/4) started")
    first = next(line for line in lines if line.startswith("fast trial #0 (2/4): "))
    assert "slow's default" in first
    assert done.stdout.startswith("fast with ")
    assert "beats slow with its defaults: " in done.stdout.replace("\n", " ")
    assert "Each engine on the same turns" in done.stdout
    script = (contest.folder.exports / "serve.sh").read_text()
    assert "--token-us=10000.0" in script
    is_told_as_json(contest)
    is_listed_and_shown(contest, capsys)


def is_told_as_json(contest: Contest) -> None:
    """Run again, which launches nothing."""
    done = contest.run("--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "contest_prepared"
    assert [row["engine"] for row in events[0]["engines"]] == ["slow", "fast"]
    last = events[-1]
    assert (last["event"], last["exit_code"]) == ("summary", done.returncode)
    assert last["engine"] == "fast"
    assert all(row["depth"] for row in last["arms"])


def is_listed_and_shown(contest: Contest, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--studies-dir", str(contest.folder.path.parent)]
    assert main(["study", "list", "--json", *where]) == 0
    listed = json.loads(capsys.readouterr().out)["studies"]
    assert [(row["name"], row["trials"], row["state"]) for row in listed] == [("c", 4, "finished")]
    assert main(["study", "show", "c", *where]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("c: fast with ")
    assert "\nslow: " in shown
    assert main(["study", "show", "c/fast", *where]) == 0
    assert capsys.readouterr().out.startswith("fast: ")


OVER = (ExitCode.DONE, ExitCode.NOTHING_BETTER)


def test_a_killed_contest_loses_one_trial_and_leaves_no_engine(contest: Contest) -> None:
    contest = contest.turned_around()
    process = contest.start()
    until(lambda: contest.records("slow", "trial-0000") > 0, "a turn of the second engine")
    process.kill()
    process.communicate(timeout=60)
    assert contest.states()["fast"] == ["complete"]
    again = contest.run()
    assert again.returncode in OVER, again.stderr
    until(lambda: contest.engines() == [], "the orphan is gone")
    assert contest.states() == {"fast": ["complete"], "slow": ["interrupted", "complete"]}
    assert contest.study("slow").read_trials()[1]["retry_of"] == 0


def test_ctrl_c_once_finishes_the_trial_and_twice_stops_at_once(contest: Contest) -> None:
    contest = contest.turned_around()
    process = contest.start()
    until(lambda: contest.records("fast", "trial-0000") > 0, "a turn of the first engine")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.STOPPED_EARLY, err
    assert contest.states() == {"fast": ["complete"], "slow": []}
    assert "--study c" in out
    process = contest.start()
    until(lambda: contest.records("slow", "trial-0000") > 0, "a turn of the second engine")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    until(lambda: "Ctrl-C again" in process.stderr.readline(), "the answer to the first")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert "Traceback" not in err
    assert "--study c" in err.split("to go on: ")[1]
    assert contest.engines() == []
    assert contest.states() == {"fast": ["complete"], "slow": ["interrupted"]}


def test_a_dry_run_tells_of_both_and_starts_nothing(contest: Contest) -> None:
    done = contest.run("--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Contest c between slow and fast" in done.stdout
    assert done.stdout.count("The first trial would start:") == 2
    assert not contest.folder.path.exists()
