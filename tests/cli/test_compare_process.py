"""``autotune compare`` as a person interrupts, kills and resumes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from waiting import fake_engines_of, until

from autotune.errors import ExitCode
from autotune.study.turn_log import read_turns
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


@dataclass
class Bench:
    """One command line and the folder that it works on."""

    argv: list[str]
    env: dict[str, str]
    path: Path

    @property
    def folder(self) -> Path:
        return self.path / "studies" / "c"

    def start(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autotune.cli.main", *self.argv, *more],
            env=self.env,
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        with self.start(*more) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "compare.json").read_text())
        return found

    def turns(self, arm: str) -> int:
        return sum(record.arm == arm for record in read_turns(self.folder / "turns.jsonl"))

    def engines(self) -> list[int]:
        """Engines of this test."""
        return fake_engines_of(self.path)


@pytest.fixture
def bench(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> Iterator[Bench]:
    """Two arms, one block of four turns; a turn takes a tenth of a second."""
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    manifest = fake_engine_manifest(token_us=20000.0, search_space=str(SPACE))
    argv = ["compare", "cache=on", "cache=off", "--engine", str(manifest), "--gpu", "cpu"]
    argv += ["--model", str(fake_model), "--workload", str(workload), "--study", "c"]
    argv += ["--blocks", "1", "--max-output-tokens", "4", "--display", "plain"]
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
    made = Bench(argv, {**kept, "HOME": str(tmp_path / "home"), "COLUMNS": "80"}, tmp_path)
    yield made
    for pid in made.engines():
        os.kill(pid, signal.SIGKILL)


def test_ctrl_c_once_finishes_the_arm_and_says_how_to_go_on(bench: Bench) -> None:
    process = bench.start()
    until(lambda: bench.turns("cache=on") > 0, "a turn")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.STOPPED_EARLY, err
    assert "the arm under way finishes its block" in err
    assert "to go on: autotune compare cache=on cache=off" in err
    assert "Traceback" not in err
    assert bench.engines() == []
    assert (bench.turns("cache=on"), bench.turns("cache=off")) == (4, 0)
    assert bench.document()["status"] == "stopped"


def test_ctrl_c_twice_stops_at_once_and_leaves_no_engine(bench: Bench) -> None:
    process = bench.start()
    until(lambda: bench.turns("cache=on") > 0, "a turn")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    until(lambda: "Ctrl-C again" in process.stderr.readline(), "the answer to the first")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert "to go on: autotune compare" in err
    assert "Traceback" not in err
    assert bench.engines() == []


def test_a_kill_loses_the_arm_under_way_and_nothing_else(bench: Bench) -> None:
    process = bench.start()
    until(lambda: bench.turns("cache=off") > 1, "turns of the second arm")
    process.kill()
    process.communicate(timeout=60)
    assert bench.document()["status"] == "measuring"
    assert [row["arm"] for row in bench.document()["measurements"]] == ["cache=on"]
    cut = bench.turns("cache=off")
    again = bench.run()
    assert again.returncode == ExitCode.DONE, again.stderr
    assert bench.engines() == []
    found = bench.document()
    assert (found["status"], found["blocks"]) == ("done", 1)
    assert bench.turns("cache=on") == 4  # not measured again
    assert bench.turns("cache=off") == cut + 4
    assert [arm["figures"]["turns"] for arm in found["arms"]] == [4, 4]
    assert (bench.folder / "cache-effect.csv").is_file()


def test_two_at_once_in_one_folder_are_refused(bench: Bench) -> None:
    process = bench.start()
    until(lambda: bench.turns("cache=on") > 0, "a turn")
    other = bench.run()
    process.kill()
    process.communicate(timeout=60)
    assert other.returncode == ExitCode.USAGE
    assert "another autotune" in other.stderr
