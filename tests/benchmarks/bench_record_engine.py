"""What the recording proxy adds to time to first token on a real engine, paired.

    python tests/benchmarks/bench_record_engine.py --engine reference --model SmolLM2.gguf

The engine is launched with one slot that holds the prompt. Every request is sent once unmeasured,
so that it is warm, and then direct, through the proxy and direct once more, in an order that turns.
Told are the median of proxy less direct with its 95% interval, and the same of direct less direct:
where both intervals hold 0, nothing can be measured. Prompts are as long as the engine counts them.
Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path
from typing import Any

from bench_record import ORDERS, Client, make_body, recording

from autotune.candidate import Candidate, Setting
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext
from autotune.launchers.registry import make_launcher
from autotune.scoring.quantile import median

COVERS = 0.95
MESSAGES = 20
"""Few enough that short prompts can be made of them."""
ROOM_TOKENS = 512
"""Context beyond the deepest prompt: what turns add, and replies."""


@dataclass(frozen=True, slots=True)
class Added:
    """One depth. Medians of paired differences in ms, and what covers them 19 times of 20."""

    prompt_tokens: int
    requests: int
    direct_ttft_p50_ms: float
    added_p50_ms: float
    added_low_ms: float
    added_high_ms: float
    noise_p50_ms: float
    noise_low_ms: float
    noise_high_ms: float


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: its address, its count of a body's tokens, what pins a reply's length."""

    url: str
    count: Callable[[bytes], int]
    fields: Mapping[str, Any]

    def body(self, asked: int, turn: int) -> bytes:
        """Request number `turn` of a session, as `make_body` makes it, but for the reply."""
        body = json.loads(make_body(asked, turn, 0, MESSAGES))
        return json.dumps({**body, **self.fields}).encode()


@contextmanager
def engine(name: str, model: Path, deepest: int, output_tokens: int) -> Iterator[Engine]:
    """An engine with one slot."""
    launcher = make_launcher(name)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        context = LaunchContext(model.resolve(), place / "work", place / "log", "bench")
        settings: dict[str, Setting] = {"ctx-size": deepest + ROOM_TOKENS, "parallel": 1}
        server = launch(launcher, Candidate(settings), context)

        fields = launcher.request_fields(CacheArm.ON, output_tokens)

        def count(body: bytes) -> int:
            messages = tuple(json.loads(body)["messages"])
            tokens = launcher.count_tokens(server, messages, ())
            if tokens is None:
                raise SystemExit(f"{name} cannot count tokens")
            return tokens

        try:
            yield Engine(server.base_url, count, fields)
        finally:
            launcher.stop(server)


def asked_for(tokens: int, served: Engine) -> int:
    """What `make_body` has to be asked for, to make a prompt of about `tokens` of this engine."""
    asked = tokens
    for _ in range(4):
        counted = served.count(served.body(asked, 0))
        asked = max(1, round(asked * tokens / counted))
    return asked


def measure(served: Engine, proxy: str, tokens: int, args: argparse.Namespace) -> Added:
    """One depth."""
    asked = asked_for(tokens, served)
    urls = {"direct": served.url, "proxy": proxy, "again": served.url}
    found: dict[str, list[float]] = {arm: [] for arm in urls}
    body = served.body(asked, 0)
    ttft_ms(proxy, body)
    for number in range(args.requests):
        body = served.body(asked, number % 8 + 1)
        ttft_ms(served.url, body)
        for arm in ORDERS[number % 3]:
            time.sleep(args.gap_ms / 1e3)
            found[arm].append(ttft_ms(urls[arm], body))
    return summed_up(served.count(body), found)


def ttft_ms(url: str, body: bytes) -> float:
    """One request on a line of its own: llama.cpp hangs up after a stream, at a time of its own."""
    client = Client(url)
    try:
        return client.ask(body).ttft_ms
    finally:
        client.close()


def summed_up(prompt_tokens: int, found: dict[str, list[float]]) -> Added:
    """The medians of the differences, and their intervals."""
    added = [a - b for a, b in zip(found["proxy"], found["direct"], strict=True)]
    noise = [a - b for a, b in zip(found["again"], found["direct"], strict=True)]
    figures = [median(found["direct"]), *_middle(added), *_middle(noise)]
    return Added(prompt_tokens, len(added), *(round(figure, 3) for figure in figures))


def _middle(values: Sequence[float]) -> tuple[float, float, float]:
    return median(values), *interval_of_median(values)


def interval_of_median(values: Sequence[float], covers: float = COVERS) -> tuple[float, float]:
    """Two of `values` that hold the median of what they are drawn from, with that chance or more.

    How many values lie below a median is binomial, whatever the distribution (Thompson 1936).
    """
    ordered, size = sorted(values), len(values)
    below, chance = -1, 0.0
    while chance + comb(size, below + 1) / 2**size <= (1 - covers) / 2:
        below += 1
        chance += comb(size, below) / 2**size
    return (ordered[max(below, 0)], ordered[min(size - 1 - below, size - 1)])


def report(rows: Sequence[Added]) -> str:
    """A table for a person, then a line for a program."""
    names = list(asdict(rows[0]))
    lines = [f"{name:20}" + "".join(f"{asdict(row)[name]:>12}" for row in rows) for name in names]
    return "\n".join([*lines, json.dumps([asdict(row) for row in rows])])


def main() -> None:
    """Measure the proxy in front of an engine at each depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--engine", default="reference", help="the engine to launch")
    parser.add_argument("--model", type=Path, required=True, help="its model file")
    parser.add_argument("--depths", default="1000,6000", help="tokens of the prompts")
    parser.add_argument("--requests", type=int, default=90, help="at each depth and arm")
    parser.add_argument("--output-tokens", type=int, default=2)
    parser.add_argument("--gap-ms", type=float, default=50.0, help="idle before each request")
    args = parser.parse_args()
    depths = [int(depth) for depth in args.depths.split(",")]
    with (
        engine(args.engine, args.model, max(depths), args.output_tokens) as served,
        recording(served.url) as (proxy, _),
    ):
        rows = [measure(served, proxy, depth, args) for depth in depths]
    print(report(rows))


if __name__ == "__main__":
    main()
