"""A series of nights on the real llama-server, each begun as a person's timer begins it.

What serves is started from the exported file by the after hook and stopped by the before hook. The
gain is one that no noise can hide: sessions take turns on one slot, so that every prompt is read
again from its beginning where the host keeps none (``--cache-ram 0``), which is the default of the
space here, and only its end where it does.

Each night's Markdown is printed (``pytest -s``), and kept where ``AUTOTUNE_TEST_NIGHTS`` names a
folder.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import httpx
import pytest
from quantized_gguf import write_quantized

from autotune.launchers.process import free_port
from autotune.workload.model import Session, Turn
from autotune.workload.writer import write_capture
from make_deep_gguf import Shape, write

pytestmark = [pytest.mark.engines, pytest.mark.timeout(2400)]

SMALL = Shape(layers=2)
HEAVY = Shape(layers=4, feed_forward=2048)
"""Some five times the work a token of a prompt."""


def sessions() -> Iterator[Session]:
    """Six of three turns, some 3,500 tokens deep, that have not a word in common."""
    for number in range(6):
        draw = random.Random(number)
        messages = [{"role": "user", "content": words(draw, 1200)}]
        turns = []
        for index in range(3):
            turns.append(
                Turn(
                    session_id=f"s{number}", index=index, messages=tuple(messages),
                    keep=max(0, 2 * index - 1), output_tokens=16,
                    timestamp_ms=1000.0 * (6 * index + number),
                )
            )  # fmt: skip
            messages += [
                {"role": "assistant", "content": words(draw, 8)},
                {"role": "user", "content": words(draw, 20)},
            ]
        yield Session(f"s{number}", tuple(turns))


def words(draw: random.Random, count: int) -> str:
    return " ".join("".join(draw.choices(ascii_lowercase, k=5)) for _ in range(count))


FILE = """
max-output-tokens = 8
confirm-blocks = 2
hold = false
effects = false
usual-chart = false

[space.parameters.cache-ram]
choices = [0, 1024]
default = 0

[space.parameters.ubatch-size]
choices = [256, 512]

[nightly.targets.coder]
gpu = "cpu"
engine = "llama-server"
engine-path = "bin/llama-server"
model = "models"
workload = "captures"
trials = 3
canary = {{ turns = 6 }}
idle = {{ person = "off" }}

[nightly.targets.coder.set]
parallel = 1
batch-size = 512
threads = 1
threads-batch = 1
flash-attn = "auto"
poll = 0
spec-type = "none"
kv-unified = false
slot-prompt-similarity = 0.1
cache-idle-slots = true
repack = true

[[nightly.targets.coder.exports]]
format = "shell"
path = "serve.sh"

[[nightly.targets.coder.exports]]
format = "llama-preset"
path = "preset.ini"
link = false

[nightly.targets.coder.hooks]
before = '''{before}'''
after = '''{after}'''

[nightly.targets.coder.health]
url = "http://127.0.0.1:{port}"
start = "60s"
settle = "2s"

[nightly.targets.coder.notify]
command = "cat >> told.jsonl; echo >> told.jsonl"
"""

BEFORE = """
if [ -e pid ]; then kill "$(cat pid)" 2> /dev/null; while kill -0 "$(cat pid)" 2> /dev/null; do
sleep 0.05; done; rm pid; fi
"""
AFTER = """
setsid nohup ./serve.sh --port {port} > engine.log 2>&1 < /dev/null & echo $! > pid
"""

REFUSING = """#!/bin/sh
# As llama.cpp does with a flag that it does not have (any more).
for word in "$@"; do
  case $word in --cache-ram|-cram) echo "error: invalid argument: $word" >&2; exit 1 ;; esac
done
case " $* " in
  *" --help "*) {inner} "$@" | grep -v -e '--cache-ram' ;;
  *) exec {inner} "$@" ;;
esac
"""

PLAIN = """#!/bin/sh
exec {engine} "$@"
"""

SLOW = """#!/bin/sh
# Stopped for more than half of the time, which takes nobody else's.
case " $* " in *" --help "*|*" --version "*) exec {engine} "$@" ;; esac
{engine} "$@" &
pid=$!
trap 'kill -CONT $pid 2> /dev/null; kill -TERM $pid 2> /dev/null; wait $pid; exit 0' TERM INT
while kill -0 $pid 2> /dev/null; do
  sleep 0.02; kill -STOP $pid 2> /dev/null; sleep 0.03; kill -CONT $pid 2> /dev/null
done
wait $pid
"""


@dataclass
class Series:
    """A folder that a person tunes in, and the nights that were."""

    folder: Path
    engine: Path
    donor: Path
    port: int
    nights: list[dict[str, Any]] = field(default_factory=list)

    @property
    def program(self) -> Path:
        return self.folder / "bin" / "llama-server"

    def prepare(self) -> None:
        """The folder as it is before the first night."""
        for name in ("bin", "models", "captures"):
            (self.folder / name).mkdir()
        shutil.copy2(self.engine, self.program)
        write(self.donor, self.folder / "models" / "coder-f16.gguf", SMALL)
        write_capture(sessions(), self.folder / "captures" / "work.jsonl")
        text = FILE.format(before=BEFORE, after=AFTER.format(port=self.port), port=self.port)
        (self.folder / "autotune.toml").write_text(text, encoding="utf-8")

    def script(self, path: Path, text: str) -> None:
        """A program, in the place of what was there."""
        path.parent.mkdir(exist_ok=True)
        new = path.with_name(f".{path.name}-new")
        inner = self.folder / "inner" / "start"
        new.write_text(text.format(inner=inner, engine=self.engine), encoding="utf-8")
        new.chmod(0o755)
        new.replace(path)

    def night(self, name: str) -> dict[str, Any]:
        """One night; what it says, and its page for a reader."""
        began = time.monotonic()
        argv = [sys.executable, "-m", "autotune.cli.main", "nightly", "run", "--now", "--json"]
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        env = {n: v for n, v in os.environ.items() if not n.startswith(("AUTOTUNE_", "XDG_"))}
        done = subprocess.run(
            argv, cwd=self.folder, env={**env, "HOME": str(home)}, capture_output=True,
            text=True, timeout=1200, check=False,
        )  # fmt: skip
        assert done.stdout, done.stderr
        (night,) = json.loads(done.stdout)["nights"]
        self.nights.append(night)
        took_s = time.monotonic() - began
        page = (self.folder / night["page"]).read_text(encoding="utf-8")
        print(f"\n===== {name}: {night['decision']} -> {night['outcome']} in {took_s:.0f} s")
        print(f"{night['why']}\n{page}", flush=True)
        self._keep(name, page)
        assert night["outcome"] != "failed", done.stderr
        return night

    def _keep(self, name: str, page: str) -> None:
        kept = os.environ.get("AUTOTUNE_TEST_NIGHTS")
        if kept:
            Path(kept).mkdir(parents=True, exist_ok=True)
            path = Path(kept) / f"{len(self.nights)}-{name.replace(' ', '-')}.md"
            path.write_text(page, encoding="utf-8")

    def serves(self) -> dict[str, Any]:
        """What the engine that the after hook started says of itself."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/props", timeout=20)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def export(self) -> str:
        return (self.folder / "serve.sh").read_text(encoding="utf-8")

    def end(self) -> None:
        """Ends what serves."""
        pid = self.folder / "pid"
        if pid.exists():
            with suppress(ProcessLookupError):
                os.kill(int(pid.read_text(encoding="utf-8")), signal.SIGTERM)


@pytest.fixture
def series(tmp_path: Path, llama_server: Path, smollm2: Path) -> Iterator[Series]:
    made = Series(tmp_path, llama_server, smollm2, free_port("127.0.0.1"))
    made.prepare()
    yield made
    made.end()


def test_a_series_of_nights(series: Series) -> None:
    """Each night finds what the one before left."""
    tuned_and_promoted(series)
    nothing_changed(series, "nothing changed")
    another_quantization(series)
    an_engine_that_refuses_a_flag(series)
    nothing_changed(series, "nothing changed again")
    a_slower_build(series)
    a_worse_model(series)
    hooks_are_paired(series)
    told = (series.folder / "told.jsonl").read_text(encoding="utf-8")
    assert told.count('"schema_version": "night/1"') == len(series.nights)


def tuned_and_promoted(series: Series) -> None:
    """The first night: from nothing to what serves."""
    night = series.night("first")
    assert (night["decision"], night["outcome"]) == ("first tuning", "promoted")
    assert night["generation"] == 1
    assert night["tuning"]["low"] > 1, "clear of none"
    assert "--cache-ram 1024" in series.export()
    assert "coder-f16.gguf" in series.serves()["model_path"]
    assert "cache-ram = 1024" in (series.folder / "preset.ini").read_text(encoding="utf-8")


def nothing_changed(series: Series, name: str) -> None:
    """A canary alone. On a loud machine it may be disturbed, and then says so."""
    before = series.nights[-1]["generation"]
    night = series.night(name)
    assert night["changes"] == []
    assert night["canary"] is not None
    if not night["canary"]["drifted"]:
        assert (night["decision"], night["outcome"]) == ("canary", "steady")
        assert night["tuning"] is None
        assert night["generation"] == before


def another_quantization(series: Series) -> None:
    """The file is gone and one of another name and quantization is there: followed."""
    models = series.folder / "models"
    write_quantized(series.donor, models / "coder-Q8_0.gguf", SMALL)
    (models / "coder-f16.gguf").unlink()
    night = series.night("another quantization")
    assert (night["decision"], night["outcome"]) == ("retune", "promoted")
    assert [change["name"] for change in night["changes"]] == ["model"]
    assert night["tuning"]["warm_from"] == [series.nights[0]["tuning"]["study"]]
    assert "coder-Q8_0.gguf" in series.export()
    assert "coder-Q8_0.gguf" in series.serves()["model_path"]


def an_engine_that_refuses_a_flag(series: Series) -> None:
    """Told before anything is put in use, and the config goes on without it."""
    assert "--cache-ram" in series.export()
    series.script(series.folder / "inner" / "start", PLAIN)
    series.script(series.program, REFUSING)
    night = series.night("an engine that refuses a flag")
    assert (night["decision"], night["outcome"]) == ("retune", "promoted")
    assert [change["name"] for change in night["changes"]] == ["engine build"]
    (dropped,) = night["dropped"]
    assert (dropped["setting"], dropped["value"]) == ("cache-ram", "1024")
    assert "--cache-ram" in dropped["why"]
    assert "--cache-ram" not in series.export()
    assert "coder-Q8_0.gguf" in series.serves()["model_path"]


def a_slower_build(series: Series) -> None:
    """What the program starts has become slower, and nothing says so but the canary."""
    series.script(series.folder / "inner" / "start", SLOW)
    for number in range(6):  # others may disturb some: then nothing is compared
        night = series.night(f"a slower build {number + 1}")
        assert night["changes"] == []
        if night["canary"]["drifted"]:
            break
    assert night["canary"]["drifted"]
    assert night["canary"]["ratio"] > 1.25
    assert night["decision"] == "retune"
    assert "drift" in night["reasons"][0]
    series.script(series.folder / "inner" / "start", PLAIN)


def a_worse_model(series: Series) -> None:
    """A newer file beside the one in use, shown to be slower: the exports stay where they are."""
    before = series.nights[-1]["generation"]
    write(series.donor, series.folder / "models" / "coder-next.gguf", HEAVY)
    night = series.night("a worse model")
    assert (night["decision"], night["outcome"]) == ("retune", "kept")
    assert "model" in [change["name"] for change in night["changes"]]
    assert "the exports stay on coder-Q8_0.gguf" in night["why"]
    assert "--take-model" in night["hint"]
    assert night["generation"] == before
    assert "coder-Q8_0.gguf" in series.export()
    assert "coder-Q8_0.gguf" in series.serves()["model_path"]


def hooks_are_paired(series: Series) -> None:
    """Every before has its after, in each night, and all exited 0."""
    for night in series.nights:
        names = [hook["name"] for hook in night["hooks"]]
        assert names == ["before", "after"] * (len(names) // 2)
        assert {hook["code"] for hook in night["hooks"]} <= {0}
