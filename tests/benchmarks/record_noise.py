"""Records the noise of this machine: one config measured again and again, as confirmations do it.

    python tests/benchmarks/record_noise.py quiet.jsonl --model M.gguf
    python tests/benchmarks/record_noise.py bursts.jsonl --model M.gguf --bursts

Six sessions of five turns are replayed `--runs` times, each time on a server that was launched for
it, under the same settings. With `--bursts` a process keeps one core busy in between, from one
random moment to another. Runs are appended, so a recording can be made in parts. One JSON line a
run; `autotune.scoring.calibration` reads them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from autotune.candidate import Candidate
from autotune.launchers.registry import make_launcher
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.scoring.calibration import read_runs, run_to_json
from autotune.trial.measurement import Measurement
from autotune.trial.real import RealMeasurer
from autotune.workload.model import Workload
from autotune.workload.synthesis.edits import edit_sessions

SETTINGS = {"ctx-size": 8192, "parallel": 1, "threads": 1}
"""One thread leaves the client a core of its own; more of them wait for each other at every step,
which on a busy machine is all that would be recorded."""

SESSIONS, TURNS, REPLY_TOKENS = 6, 5, 24
QUIET_MEAN_S, BUSY_MEAN_S = 6.0, 2.0
"""Bursts come after six seconds and last for two, on average, both exponentially distributed: a
quarter of the time one core of the machine has something else to do."""

_SPIN = "while True: pass"


def main() -> None:
    """Record and say how far it is."""
    options = _options()
    plan = noise_plan(options.start_depth, options.depth)
    first = _recorded(options.out)
    bursts = busy_bursts(random.Random(first)) if options.bursts else nullcontext()
    with tempfile.TemporaryDirectory() as folder, bursts, options.out.open("a") as out:
        measurer = RealMeasurer(
            launcher=make_launcher(options.engine, engine_path=options.engine_path),
            model=options.model,
            logs_dir=Path(folder),
            work_dir=Path(folder),
            seed=0,
        )
        for run in range(first, first + options.runs):
            out.write(_line(measurer, plan, run))
            out.flush()


def _recorded(path: Path) -> int:
    """How many runs a former part of this recording left."""
    return len(read_runs(path.read_text().splitlines())) if path.exists() else 0


def noise_plan(start_depth: int, depth: int) -> ReplayPlan:
    """The workload: sessions of an agent that edits, one after the other."""
    sessions = edit_sessions(
        sessions=SESSIONS,
        turns=TURNS,
        start_depth=start_depth,
        depth=depth,
        reply_tokens=REPLY_TOKENS,
    )
    return make_plan(
        Workload(tuple(sessions), "noise"),
        history=History.CLOSED_LOOP,
        order=Order.INTERLEAVED,
        concurrency=1,
        max_output_tokens=None,
        default_output_tokens=REPLY_TOKENS,
    )


def _line(measurer: RealMeasurer, plan: ReplayPlan, run: int) -> str:
    began = time.monotonic()
    found = measurer.measure(Candidate(SETTINGS), plan, arm="aa", block=run, sink=lambda _: None)
    if found.failure is not None:
        raise SystemExit(f"run {run} failed: {found.failure.kind}: {found.failure.message}")
    took_s = time.monotonic() - began
    print(f"run {run}: {took_s:.1f} s, others {_others(found)} cores", file=sys.stderr)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    row = run_to_json(found.records, at=at, other_cores=_others(found))
    return json.dumps(row, separators=(",", ":")) + "\n"


def _others(found: Measurement) -> float | None:
    """Processors' worth of work of others over the run; our own bursts are not among them."""
    rows = [r.machine.other_cores for r in found.records if r.machine is not None]
    told = [cores for cores in rows if cores is not None]
    return round(sum(told) / len(told), 2) if told else None


@contextmanager
def busy_bursts(rng: random.Random) -> Iterator[None]:
    """Keep the first core busy now and then until the block ends."""
    done = threading.Event()
    thread = threading.Thread(target=_burst, args=(rng, done), name="bursts")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _burst(rng: random.Random, done: threading.Event) -> None:
    while not done.wait(rng.expovariate(1 / QUIET_MEAN_S)):
        busy = subprocess.Popen([sys.executable, "-c", _SPIN])
        try:
            os.sched_setaffinity(busy.pid, {min(os.sched_getaffinity(0))})
            done.wait(rng.expovariate(1 / BUSY_MEAN_S))
        finally:
            busy.kill()
            busy.wait()


def _options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--engine", default="reference")
    parser.add_argument("--engine-path", type=Path)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--start-depth", type=int, default=1500)
    parser.add_argument("--depth", type=int, default=2500)
    parser.add_argument("--bursts", action="store_true")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
