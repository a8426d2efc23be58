"""What the replay client adds to a measurement: time, CPU and memory.

    python tests/benchmarks/bench_client.py --engine reference --model M.gguf
    python tests/benchmarks/bench_client.py --base-url http://127.0.0.1:8080

Replays sessions that grow turn by turn and compares the client's time to first token with the
prompt time that the engine itself reports. The difference holds the connection, the engine's own
work before and after its prompt timer (template, tokenizer, cache look-up, sampling of the first
token) and whatever the client costs. Prints medians, then one line of JSON. Run it on a quiet
machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext
from autotune.launchers.registry import make_launcher
from autotune.records import TurnRecord
from autotune.replay.driver import replay, warm_up
from autotune.replay.endpoint import Endpoint
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.scoring.quantile import median, quantile
from autotune.workload.model import Message, Session, Turn, Workload

SETTINGS = {"ctx-size": 8192, "parallel": 1, "cache-ram": 0}
"""No host cache: saving a prompt to it is the engine's work, and it is not in its prompt time."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """The client's cost over one replay; milliseconds but for the names that say otherwise."""

    turns: int
    deepest_tokens: int
    ttft_p50_ms: float
    overhead_p50_ms: float
    overhead_p95_ms: float
    decode_error_p50: float
    client_cpu_share: float
    client_cpu_ms_a_turn: float
    client_rss_mib: float
    client_rss_growth_mib: float


def make_workload(sessions: int, turns: int) -> Workload:
    """Sessions of `turns` turns that grow by about 150 tokens each."""
    return Workload(tuple(_session(f"s{at}", turns) for at in range(sessions)), "bench")


def _session(name: str, turns: int) -> Session:
    messages: tuple[Message, ...] = (
        {"role": "system", "content": "You are a coding agent. " * 40},
        {"role": "user", "content": f"Fix the failing test in module {name}."},
    )
    made = []
    for at in range(turns):
        made.append(Turn(name, at, messages))
        found = f"line {at}: the value is not what the test expects. " * 10
        reply: Message = {"role": "assistant", "content": "I look at the next file."}
        messages = (*messages, reply, {"role": "user", "content": found})
    return Session(name, tuple(made))


def measure(endpoint: Endpoint, plan: ReplayPlan) -> Overhead:
    """Replay `plan` once, warm-up first, and weigh the client."""
    warm_up(endpoint)
    process = psutil.Process()
    rss, cpu, began_s = process.memory_info().rss, _cpu_s(process), time.perf_counter()
    records = replay(
        plan, endpoint, arm="bench", block=0, nonce=make_nonce(0, "bench", 0), sink=_keep
    )
    wall_s, cpu_s = time.perf_counter() - began_s, _cpu_s(process) - cpu
    after = process.memory_info().rss
    return _overhead(records, cpu_s / wall_s, cpu_s, after, after - rss)


def _keep(record: TurnRecord) -> None:
    """A failed turn is no measurement."""
    if not record.ok:
        raise SystemExit(f"turn {record.turn} failed: {record.failure}: {record.detail}")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _overhead(
    records: Sequence[TurnRecord], share: float, cpu_s: float, rss: int, growth: int
) -> Overhead:
    pairs = [
        (r.ttft_s, r.server_prefill_s)
        for r in records
        if r.ttft_s is not None and r.server_prefill_s is not None
    ]
    if not pairs:
        raise SystemExit("the engine does not report its own prompt time")
    over_ms = [(ours - theirs) * 1e3 for ours, theirs in pairs]
    return Overhead(
        turns=len(records),
        deepest_tokens=max(r.depth_tokens or 0 for r in records),
        ttft_p50_ms=round(median([ours * 1e3 for ours, _ in pairs]), 2),
        overhead_p50_ms=round(median(over_ms), 2),
        overhead_p95_ms=round(quantile(over_ms, 0.95), 2),
        decode_error_p50=round(median(_decode_errors(records)), 4),
        client_cpu_share=round(share, 4),
        client_cpu_ms_a_turn=round(cpu_s * 1e3 / len(records), 2),
        client_rss_mib=round(rss / 2**20, 1),
        client_rss_growth_mib=round(growth / 2**20, 1),
    )


def _decode_errors(records: Sequence[TurnRecord]) -> list[float]:
    """How far the client's decode rate is from the engine's, as a share."""
    return [
        abs(r.decode_tps * r.server_decode_s / (r.output_tokens - 1) - 1)
        for r in records
        if r.decode_tps and r.server_decode_s and r.output_tokens and r.output_tokens > 1
    ] or [0.0]


@contextmanager
def running(engine: str, engine_path: Path | None, model: Path) -> Iterator[Endpoint]:
    """An engine under `SETTINGS`, stopped at the end."""
    launcher = make_launcher(engine, engine_path=engine_path)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        context = LaunchContext(model, work / "home", work / "engine.log", "bench")
        server = launch(launcher, Candidate(SETTINGS), context)
        try:
            yield Endpoint(
                server.base_url,
                launcher.model_name,
                lambda tokens: launcher.request_fields(CacheArm.ON, tokens),
                alive=lambda: server.process.poll() is None,
            )
        finally:
            launcher.stop(server)


@contextmanager
def attached(base_url: str) -> Iterator[Endpoint]:
    """A llama-server that someone else started."""
    yield Endpoint(base_url, "bench", lambda tokens: {"max_tokens": tokens, "ignore_eos": True})


def report(overhead: Overhead) -> list[str]:
    """Lines for a person, the last one for a program."""
    found = asdict(overhead)
    return [*(f"{name:24} {value}" for name, value in found.items()), json.dumps(found)]


def bench_plan(sessions: int, turns: int, output_tokens: int) -> ReplayPlan:
    """The replayed plan."""
    return make_plan(
        make_workload(sessions, turns),
        history=History.CLOSED_LOOP,
        order=Order.SEQUENTIAL,
        concurrency=1,
        max_output_tokens=None,
        default_output_tokens=output_tokens,
    )


def main() -> None:
    """Measure one engine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--engine", default="reference")
    parser.add_argument("--engine-path", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--base-url", help="a running server instead of an engine to launch")
    parser.add_argument("--sessions", type=int, default=2)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--output-tokens", type=int, default=24)
    args = parser.parse_args()
    if args.base_url is None and args.model is None:
        parser.error("give --model, or --base-url")
    plan = bench_plan(args.sessions, args.turns, args.output_tokens)
    source = (
        attached(args.base_url)
        if args.base_url
        else running(args.engine, args.engine_path, args.model)
    )
    with source as endpoint:
        print("\n".join(report(measure(endpoint, plan))))


if __name__ == "__main__":
    main()
