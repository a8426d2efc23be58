"""Workers of a shared study as processes, as a person starts them, and what they left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from autotune.search.ledger import COMPLETE, INFEASIBLE, STOPPED
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

WAIT_S = 300.0


@dataclass
class Team:
    """`argv` is what every worker is told besides its storage; `root` is where everything lies."""

    root: Path
    storage: str
    argv: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    study: str = "s"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: str = "worker", *more: str) -> subprocess.Popen[bytes]:
        """One more worker; what it prints is in ``out-N`` and ``err-N``."""
        number = len(self.processes)
        words = [command, "--storage", self.storage, "--study", self.study, *self.argv, *more]
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
        with (
            (self.root / f"out-{number}").open("wb") as out,
            (self.root / f"err-{number}").open("wb") as err,
        ):
            process = subprocess.Popen(
                [sys.executable, "-m", "autotune.cli.main", *words],
                env={**kept, "HOME": str(self.root / "home"), "COLUMNS": "80", **self.env},
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self.processes.append(process)
        return process

    def said(self, number: int) -> str:
        """What worker `number` has printed so far."""
        parts = (self.root / f"{kind}-{number}" for kind in ("out", "err"))
        return "".join(path.read_text(errors="replace") for path in parts)

    def until_said(self, number: int, words: str) -> None:
        """Wait until worker `number` has said `words`."""
        until(lambda: words in self.said(number), f"worker {number} says {words!r}", self)

    def wait(self, *numbers: int) -> list[int]:
        """The exit codes of these workers, or of all."""
        chosen = [self.processes[n] for n in numbers] if numbers else self.processes
        return [process.wait(timeout=WAIT_S) for process in chosen]

    def kill(self, number: int) -> None:
        """End worker `number` as the kernel does it."""
        self.processes[number].kill()
        self.processes[number].wait()

    @property
    def folders(self) -> list[StudyFolder]:
        """The workers' folders, in the order in which they were taken."""
        return [StudyFolder(p) for p in sorted((self.root / "studies").iterdir()) if p.is_dir()]

    def engines(self) -> list[int]:
        """Processes that serve this team's model or were started in its folder."""
        found = []
        for process in psutil.process_iter():
            try:
                line, mine = process.cmdline(), process.pid in {p.pid for p in self.processes}
            except psutil.Error:
                continue
            if not mine and any(str(self.root) in part for part in line):
                found.append(process.pid)
        return found

    def end(self) -> None:
        """Stop whatever is left."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pid in self.engines():
            os.kill(pid, signal.SIGKILL)


def until(condition: Callable[[], bool], what: str, team: Team) -> None:
    """Poll until `condition` holds; fails with what the workers said when it does not."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        said = "\n".join(f"-- {n}\n{team.said(n)}" for n in range(len(team.processes)))
        assert time.monotonic() < deadline, f"never happened: {what}\n{said}"
        time.sleep(0.05)


def small_workload(path: Path, depth: int = 1000) -> Path:
    """Four sessions of two turns."""
    spec = SynthesisSpec(
        sessions=4, turns=2, start_depth=depth * 4 // 5, depth=depth, reply_tokens=16
    )
    write_capture(synthesize(spec), path)
    return path


def check_counted_once(trials: list[Mapping[str, Any]]) -> None:
    """No number twice, nothing lost, nothing re-run more than once."""
    assert [t["number"] for t in trials] == list(range(len(trials)))
    assert not [t for t in trials if t["state"] in ("running", "waiting")], trials
    retries = Counter(t["retry_of"] for t in trials if t["retry_of"] is not None)
    assert all(count == 1 for count in retries.values()), retries
    measured = (COMPLETE, STOPPED, INFEASIBLE)
    keys = Counter(
        str(sorted(t["settings"].items()))
        for t in trials
        if t["state"] in measured
        and t["label"] != "default"
        and not t["label"].startswith(("again", "fewer"))
    )
    assert all(count == 1 for count in keys.values()), keys


def check_everything_measured_counts(folder: StudyFolder, workers: list[StudyFolder]) -> None:
    """Every arm of a trial in anybody's turn log is a trial of the study, and the reverse for
    those that ran to the end."""
    trials = {f"trial-{t['number']:04d}": t for t in folder.read_trials()}
    seen = {r.arm for one in workers for r in one.read_turns() if r.arm.startswith("trial-")}
    assert {arm.partition(".")[0] for arm in seen} <= set(trials)
    assert {arm for arm, t in trials.items() if t["state"] == COMPLETE} <= seen
