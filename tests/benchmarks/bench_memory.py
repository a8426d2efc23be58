"""What the memory estimate is worth: against llama-server's own log, and against a hard limit.

    python tests/benchmarks/bench_memory.py --engine-path LLAMA_SERVER --model M [--model M2 ...]

``--what log`` compares every buffer that the server reports with its prediction. ``--what least``
finds the smallest limit under which each config starts and answers full slots. ``--what limit``
sets one limit below what the larger configs need, and counts: predicted to fit and served,
predicted to fit and failed (must be none), predicted not to fit and failed, predicted not to fit
and served.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

from memory_run import MIB, Settings, reported, serves

from autotune.models.estimate import Demand
from autotune.models.llama_memory import estimate
from autotune.models.metadata import ModelInfo, read_model

STEP = 1.01
"""How finely the least limit is searched."""


def grid(model: ModelInfo, contexts: list[int]) -> Iterator[dict[str, bool | int | str]]:
    """Context, slots, cache types, physical batch, flash attention and whole window caches."""
    slots: list[dict[str, bool | int | str]] = [
        {"parallel": 1},
        {"parallel": 4},
        {"parallel": 4, "kv-unified": True},
    ]
    kinds = [("f16", "f16"), ("q8_0", "q8_0"), ("f16", "q4_0"), ("bf16", "bf16")]
    whole = [False, True] if model.window_layers else [False]
    for ctx, slot, (k, v), ub, fa, swa in itertools.product(
        contexts, slots, kinds, [64, 512, 2048], ["on", "off"], whole
    ):
        if fa == "off" and v.startswith("q"):
            continue
        config = {"ctx-size": ctx, **slot, "cache-type-k": k, "cache-type-v": v}
        config |= {"ubatch-size": ub, "batch-size": 2048, "flash-attn": fa, "cache-ram": 0}
        yield config | ({"swa-full": True} if swa else {})


def prompts_of(config: Settings) -> tuple[int, ...]:
    """Prompts that fill the slots, all but a few tokens."""
    slots = int(config["parallel"])
    return (int(config["ctx-size"]) // slots - 16,) * slots


def demand_of(prompts: tuple[int, ...]) -> Demand:
    """The same as what the estimate is told."""
    return Demand(session_tokens=prompts, turns=1)


def short(config: Settings) -> str:
    """A config in few letters."""
    return " ".join(str(v) for k, v in config.items() if k not in {"batch-size", "cache-ram"})


def compare_log(program: Path, path: Path, contexts: list[int], every: int) -> None:
    """A row a config: predicted/reported MiB of each buffer, and the error of the sum."""
    model = read_model(path)
    worst: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for config in itertools.islice(grid(model, contexts), 0, None, every):
            said = reported(program, path, config, Path(scratch))
            need = estimate(model, config)
            pairs = {
                "weights": (need.weights_bytes / MIB, said.weights),
                "kv": (need.kv_bytes / MIB, said.kv),
                "recurrent": (need.recurrent_bytes / MIB, said.recurrent),
                "compute": (need.compute_bytes / MIB, said.compute),
                "output": (need.output_bytes / MIB, said.output),
            }
            pairs["sum"] = (sum(p for p, _ in list(pairs.values())[:4]), said.total)
            cells = "  ".join(f"{n} {p:.2f}/{r:.2f}" for n, (p, r) in pairs.items() if r)
            print(f"{path.stem[:16]:16} {short(config):44} {cells}", flush=True)
            for name, (predicted, real) in pairs.items():
                if real:
                    off = predicted / real - 1
                    worst[name] = max(worst.get(name, 0.0), off, key=abs)
    print(path.stem, "worst:", ", ".join(f"{n} {off:+.1%}" for n, off in worst.items()))


def find_least(program: Path, path: Path, contexts: list[int], every: int) -> None:
    """A row a config: predicted MiB, and the least limit under which it served."""
    model = read_model(path)
    ratios = []
    with tempfile.TemporaryDirectory() as scratch:
        for config in itertools.islice(grid(model, contexts), 0, None, every):
            prompts = prompts_of(config)
            predicted = estimate(model, config, demand=demand_of(prompts)).host_bytes
            low, high = 1, int(predicted * 1.5)
            while high > low * STEP:
                middle = (low + high) // 2
                fits = serves(
                    program, path, config, Path(scratch), limit_bytes=middle, prompts=prompts
                )
                low, high = (low, middle) if fits else (middle, high)
            ratios.append(predicted / high)
            row = f"predicted {predicted / MIB:7.1f}  least {high / MIB:7.1f}"
            print(f"{path.stem[:16]:16} {short(config):44} {row}  {ratios[-1]:.3f}", flush=True)
    print(path.stem, f"predicted over least: {min(ratios):.3f} to {max(ratios):.3f}")


def count_limit(program: Path, path: Path, contexts: list[int], every: int, mib: int) -> bool:
    """The table of what was predicted and what happened; whether nothing predicted failed."""
    model, seen = read_model(path), Counter[tuple[bool, bool]]()
    with tempfile.TemporaryDirectory() as scratch:
        for config in itertools.islice(grid(model, contexts), 0, None, every):
            prompts = prompts_of(config)
            need = estimate(model, config, demand=demand_of(prompts)).host_bytes
            fits = need <= mib * MIB
            served = serves(
                program, path, config, Path(scratch), limit_bytes=mib * MIB, prompts=prompts
            )
            seen[fits, served] += 1
            if fits != served:
                print(f"{short(config)}: predicted {need / MIB:.1f} MiB, served: {served}")
    print(f"{path.stem} at {mib} MiB, {seen.total()} configs")
    for fits, served in itertools.product([True, False], repeat=2):
        what = f"predicted {'to fit' if fits else 'not to fit'}, {'served' if served else 'failed'}"
        print(f"  {what:34} {seen[fits, served]}")
    return not seen[True, False]


def main() -> int:
    """Run it; the exit code is 1 when something predicted to fit failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine-path", type=Path, required=True)
    parser.add_argument("--model", type=Path, action="append", required=True)
    parser.add_argument("--what", choices=["log", "least", "limit"], default="log")
    parser.add_argument("--contexts", type=int, nargs="+", default=[2048, 8192])
    parser.add_argument("--every", type=int, default=1, help="only every n-th config")
    parser.add_argument("--limit-mib", type=int, nargs="+", default=[200])
    options = parser.parse_args()
    sound = True
    for path in options.model:
        common = (options.engine_path, path, options.contexts, options.every)
        if options.what == "log":
            compare_log(*common)
        elif options.what == "least":
            find_least(*common)
        else:
            for mib in options.limit_mib:
                sound &= count_limit(*common, mib)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
