"""``autotune run`` as a program of its own, against an engine that breaks down as it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import tomli_w
from faulty_engine import LAUNCHES
from gguf_file import write_gguf
from manifest import FAKE_ENGINE, manifest_of

from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

FAULTY_ENGINE = Path(__file__).with_name("faulty_engine.py")
SPACE = """
schema_version = "search-space/1"
engine = "fake"

[parameters.ubatch-size]
choices = [128, 256, 512, 1024, 2048]
default = 512
ordered = true
concept = "batch size"

[parameters.ctx-size]
choices = ["@context-needed", "@context-roomy"]
default = "@context-default"
ordered = true
concept = "context length"
per-slot-of = "parallel"

[parameters.parallel]
choices = [1, 2]
default = 1
ordered = true
concept = "cache slots"

[parameters.threads]
choices = [1, 2, 3, 4]
default = 1
ordered = true
concept = "threads"

[parameters.poll]
choices = [0, 50, 100]
default = 50
ordered = true
concept = "threads"
"""
"""Of 240 configs 30% ask for two slots and batches that have no memory; the fastest has one
slot and the largest batch, whatever its threads and its polling."""

_PATIENT = "import sys, autotune.trial.patience as p; p.LEAST_S = {least}; "
_MAIN = "from autotune.cli.main import main; sys.exit(main())"


@dataclass
class FaultyRun:
    """One study in a folder of its own, and what its engine was told."""

    folder: Path
    seed: int = 0
    hang: float = 0.0
    crash: float = 0.0
    short_memory: bool = False
    least_s: float = 10.0

    def start(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The whole run. `least_s` is the shortest silence that is taken for a hang."""
        self._prepare()
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
        return subprocess.run(
            [sys.executable, "-c", _PATIENT.format(least=self.least_s) + _MAIN, *self._argv(words)],
            env={**kept, "HOME": str(self.folder / "home"), "COLUMNS": "80"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
        )

    @property
    def study(self) -> StudyFolder:
        """What the run left."""
        return StudyFolder(self.folder / "studies" / "s")

    def launches(self) -> list[dict[str, Any]]:
        """What each launch was told, and for those that came to it once more with ``struck``."""
        path = self.folder / LAUNCHES
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def struck(self) -> dict[str, str]:
        """The fault that the last launch of each arm and block came to, by its name."""
        found: dict[str, str] = {}
        for row in self.launches():
            found.pop(row["trial"], None) if "planned" in row else None
            if row.get("struck"):
                found[row["trial"]] = row["kind"]
        return found

    def misclassified(self) -> list[str]:
        """Trials that do not end as what befell their last launch."""
        struck, wrong = self.struck(), []
        for row in self.study.read_trials():
            if row["log"] is None:
                continue  # refused, or the same as another: never launched
            expected = struck.get(Path(row["log"]).stem)
            if row["failure"] != expected:
                wrong.append(f"trial {row['number']}: {expected} became {row['failure']}")
        return wrong

    def engines(self) -> list[int]:
        """Processes that are left: of the engine, or with a trial's mark on this folder."""
        return [process.pid for process in psutil.process_iter() if self._is_mine(process)]

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            line, env = process.cmdline(), process.environ()
        except psutil.Error:
            return False
        mine = any(str(self.folder) in part for part in line)
        return mine and (str(FAULTY_ENGINE) in line or "AUTOTUNE_TRIAL" in env)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "space.toml").write_text(SPACE, encoding="utf-8")
        write_gguf(self.folder / "model.gguf")
        spec = SynthesisSpec(sessions=4, turns=4, start_depth=800, depth=1600, reply_tokens=16)
        write_capture(synthesize(spec), self.folder / "workload.jsonl")
        text = tomli_w.dumps(self._manifest())
        (self.folder / "faulty.toml").write_text(text, encoding="utf-8")

    def _manifest(self) -> dict[str, Any]:
        document = manifest_of(
            prefill_us=300.0, token_us=1000.0, search_space=str(self.folder / "space.toml")
        )
        told = [str(FAULTY_ENGINE), f"--told={self.folder}", f"--seed={self.seed}"]
        told += [f"--hang={self.hang}", f"--crash={self.crash}"]
        told += ["--short-memory"] if self.short_memory else []
        argv: Sequence[str] = document["command"]["argv"]
        place = argv.index(str(FAKE_ENGINE))
        document["command"]["argv"] = [*argv[:place], *told, *argv[place + 1 :]]
        return document

    def _argv(self, words: Sequence[str]) -> list[str]:
        argv = ["run", "--engine", str(self.folder / "faulty.toml"), "--gpu", "cpu"]
        argv += ["--model", str(self.folder / "model.gguf"), "--study", "s", "--display", "plain"]
        argv += ["--workload", str(self.folder / "workload.jsonl"), "--max-output-tokens", "4"]
        return [*argv, "--seed", str(self.seed), *words]
