"""What watching the machine costs: processor time of one look, and its share at the usual rate.

    python tests/benchmarks/bench_telemetry.py
    python tests/benchmarks/bench_telemetry.py --looks 200 --children 8

A look walks our own process tree, reads the machine's times and asks the driver, so it is measured
with a tree of sleeping children, and with the GPU that `--gpu` names where there is one. The second
row is a look and what a turn record makes of it. Turns that follow each other quickly are looked at
up to four times a period. Prints a table, then one line of JSON. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

import psutil

from autotune.hardware.probe import gpu_probe
from autotune.hardware.select import select_gpu
from autotune.hardware.telemetry import DEFAULT_PERIOD_S, TelemetrySampler
from autotune.scoring.quantile import median, quantile


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of look, in milliseconds; `share` is of one core at one look a period."""

    what: str
    looks: int
    cpu_mean_ms: float
    wall_p50_ms: float
    wall_p95_ms: float
    share: float


def main() -> None:
    """Measure and print."""
    options = _options()
    with ExitStack() as stack:
        stack.enter_context(_children(options.children))
        probe = stack.enter_context(gpu_probe())
        gpu = select_gpu(options.gpu, probe.gpus())
        sampler = TelemetrySampler(probe=probe, gpu_uuid=None if gpu is None else gpu.uuid)
        rows = [
            _measure("look", sampler.sample, options.looks),
            _measure("turn", lambda: _turn(sampler), options.looks),
        ]
    machine = {
        "processes": len(psutil.pids()),
        "ours": options.children + 1,
        "gpu": None if gpu is None else gpu.name,
        "period_s": DEFAULT_PERIOD_S,
    }
    _show(rows, machine)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--looks", type=int, default=100)
    parser.add_argument("--children", type=int, default=3, help="processes of an engine")
    parser.add_argument("--gpu", default="auto")
    return parser.parse_args()


@contextmanager
def _children(count: int) -> Iterator[None]:
    code = "input()"
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for _ in range(count)
    ]
    try:
        yield
    finally:
        for child in children:
            child.communicate(b"\n")


def _turn(sampler: TelemetrySampler) -> None:
    """As if a turn of a second had just ended."""
    sampler.sample()
    now_s = time.monotonic()
    sampler.turn(now_s - 1.0, now_s)


def _measure(what: str, look: Callable[[], object], count: int) -> Row:
    look()
    walls = []
    began = time.process_time()
    for _ in range(count):
        started = time.perf_counter()
        look()
        walls.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.06)  # the least between two looks that a load is measured over
    cpu_ms = (time.process_time() - began) * 1e3 / count
    return Row(
        what=what,
        looks=count,
        cpu_mean_ms=round(cpu_ms, 3),
        wall_p50_ms=round(median(walls), 3),
        wall_p95_ms=round(quantile(walls, 0.95), 3),
        share=round(cpu_ms / 1e3 / DEFAULT_PERIOD_S, 5),
    )


def _show(rows: list[Row], machine: dict[str, object]) -> None:
    print(f"{'':6}{'CPU ms':>10}{'wall p50':>10}{'wall p95':>10}{'of a core':>12}")
    for row in rows:
        print(
            f"{row.what:6}{row.cpu_mean_ms:>10.3f}{row.wall_p50_ms:>10.3f}{row.wall_p95_ms:>10.3f}"
            f"{row.share:>12.2%}"
        )
    print(json.dumps({"rows": [asdict(row) for row in rows], **machine}))


if __name__ == "__main__":
    main()
