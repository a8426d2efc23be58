"""``autotune run`` as a person starts, interrupts, kills and resumes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from waiting import fake_engines_of, until

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


@dataclass
class Tuner:
    """One command line and the study it works on."""

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

    def engines(self) -> list[int]:
        """Engines of this test."""
        return fake_engines_of(self.marks)


@pytest.fixture
def tuner(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> Iterator[Tuner]:
    """Three trials of two turns; a turn takes a tenth of a second."""
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    manifest = fake_engine_manifest(token_us=20000.0, search_space=str(SPACE))
    argv = ["run", "--engine", str(manifest), "--model", str(fake_model), "--gpu", "cpu"]
    argv += ["--workload", str(workload), "--study", "s", "--trials", "3", "--confirm-blocks", "1"]
    argv += ["--max-output-tokens", "4", "--display", "plain"]
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
    env = {**kept, "HOME": str(tmp_path / "home"), "COLUMNS": "80"}
    made = Tuner(argv, env, StudyFolder(tmp_path / "studies" / "s"), tmp_path)
    yield made
    for pid in made.engines():
        os.kill(pid, signal.SIGKILL)


def records_of(folder: StudyFolder, arm: str) -> int:
    return sum(r.arm == arm for r in folder.read_turns())


def test_ctrl_c_once_finishes_the_trial_and_says_how_to_go_on(tuner: Tuner) -> None:
    process = tuner.start()
    until(lambda: records_of(tuner.folder, "trial-0001") > 0, "a turn of the second trial")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.STOPPED_EARLY, err
    assert "Traceback" not in err
    assert "autotune run" in out
    assert tuner.engines() == []
    states = [t["state"] for t in tuner.folder.read_trials()]
    assert states == ["complete", "complete"]
    again = tuner.run()
    assert again.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), again.stderr
    assert [t["state"] for t in tuner.folder.read_trials()][:2] == states


def test_ctrl_c_twice_stops_at_once_and_leaves_no_engine(tuner: Tuner) -> None:
    process = tuner.start()
    until(lambda: records_of(tuner.folder, "trial-0001") > 0, "a turn of the second trial")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    until(lambda: "Ctrl-C again" in process.stderr.readline(), "the answer to the first")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert "Traceback" not in err
    assert "--study s" in err.split("to go on: ")[1]
    assert tuner.engines() == []
    again = tuner.run()
    assert again.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), again.stderr
    trials = tuner.folder.read_trials()
    assert [t["state"] for t in trials[:2]] == ["complete", "interrupted"]
    assert trials[2]["retry_of"] == 1
    assert trials[2]["label"] == trials[1]["label"]


def test_a_killed_tuner_loses_one_trial_and_leaves_no_engine(tuner: Tuner) -> None:
    process = tuner.start()
    until(lambda: records_of(tuner.folder, "trial-0001") > 0, "a turn of the second trial")
    process.kill()
    process.communicate(timeout=60)
    done = [t for t in tuner.folder.read_trials() if t["state"] == "complete"]
    assert [t["number"] for t in done] == [0]
    again = tuner.run()
    assert again.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), again.stderr
    until(lambda: tuner.engines() == [], "the orphan is gone")
    trials = tuner.folder.read_trials()
    assert trials[0] == done[0]
    assert (trials[1]["state"], trials[2]["retry_of"]) == ("interrupted", 1)
    assert trials[2]["label"] == trials[1]["label"]
    assert sum(t["state"] == "complete" for t in trials) == 3
    result = tuner.folder.read_result()
    assert result is not None
    assert result["summary"]["trials"] == 3


def test_a_full_disk_ends_with_one_error_and_the_same_command_goes_on(tuner: Tuner) -> None:
    assert tuner.run("--trials", "1").returncode in (0, 1)
    turns = tuner.folder.turns_path
    kept = turns.read_bytes()
    turns.unlink()
    turns.symlink_to("/dev/full")
    full = tuner.run()
    assert full.returncode == ExitCode.MACHINE, full.stderr
    assert "Traceback" not in full.stderr
    assert [line for line in full.stderr.splitlines() if line.startswith("error:")] == [
        f"error: cannot write {turns.relative_to(tuner.marks)}: the disk is full"
    ]
    assert sum(line.startswith("hint:") for line in full.stderr.splitlines()) == 1
    assert tuner.engines() == []
    turns.unlink()
    turns.write_bytes(kept)
    again = tuner.run()
    assert again.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), again.stderr
    assert sum(t["state"] == "complete" for t in tuner.folder.read_trials()) == 3


def test_json_puts_one_event_a_line_on_stdout_and_nothing_else(tuner: Tuner) -> None:
    done = tuner.run("--trials", "1", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [e["event"] for e in events]
    assert names[0] == "prepared"
    assert names[-1] == "summary"
    assert "trial_finished" in names
    assert events[-1]["exit_code"] == done.returncode


def test_two_tuners_never_share_a_study(tuner: Tuner) -> None:
    process = tuner.start()
    until(lambda: records_of(tuner.folder, "trial-0000") > 0, "a turn of the first trial")
    second = tuner.run()
    assert second.returncode == ExitCode.USAGE
    assert f"process {process.pid}" in second.stderr
    process.communicate(timeout=120)
    assert process.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER)
