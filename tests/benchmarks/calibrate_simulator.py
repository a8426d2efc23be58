"""How far the simulator is off: against recorded turns, and against published figures.

    python tests/benchmarks/calibrate_simulator.py studies studies/simulator-calibration

Reads the committed prefix-cache studies and noise recordings below the first folder, and writes
``figures.json`` and ``figures.md`` into the second. Nothing is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autotune.simulated.calibration import Error
from autotune.simulated.machine import GIB
from autotune.simulated.noise_fit import fitted_noise, read_runs, with_bursts
from autotune.simulated.published import Published, published
from autotune.simulated.published_turns import Bucket, filled, llama_buckets, vllm_buckets
from autotune.simulated.recorded_cores import PACES, Judged, judged
from autotune.study.files import write_json, write_text_atomic

SCHEMA_VERSION = "simulator-calibration/1"
FAILS = "fails from 125k to 155k"
FILLED = ((262_144, 91_000), (262_144, 125_000), (262_144, 155_000), (200_000, 183_000))


def figures(studies: Path) -> dict[str, Any]:
    """Everything, as plain data."""
    quiet = fitted_noise(read_runs(studies / "aa-calibration" / "shared.jsonl"))
    bursts = with_bursts(quiet, read_runs(studies / "aa-calibration" / "bursts.jsonl"))
    return {
        "schema_version": SCHEMA_VERSION,
        "recorded": [_judged(row) for engine in PACES for row in judged(studies, engine)],
        "published": [_published(row) for row in published()],
        "ttft": {
            "llama.cpp": [_bucket(b) for b in llama_buckets()],
            "vLLM": [_bucket(b) for b in vllm_buckets()],
        },
        "filled": [
            {"ctx_tokens": ctx, "filled_tokens": tokens, "free_bytes": filled(ctx, tokens)}
            for ctx, tokens in FILLED
        ],
        "noise": {"shared": asdict(quiet), "bursts": asdict(bursts)},
    }


def _judged(row: Judged) -> dict[str, Any]:
    parts = {"cold": row.cold, "warm": row.warm, "decode": row.decode}
    errors = {name: {k: _error(e) for k, e in part.items()} for name, part in parts.items()}
    return {"engine": row.engine, "what": row.what, **errors}


def _error(error: Error) -> dict[str, Any]:
    return {"turns": error.turns, "median": round(error.median, 4), "p90": round(error.p90, 4)}


def _published(row: Published) -> dict[str, Any]:
    names = ("machine", "model", "what", "source", "held")
    return {
        **{name: getattr(row, name) for name in names},
        "published": round(row.tokens_s, 3),
        "simulated": round(row.predicted(), 3),
        "error": round(row.error, 4),
    }


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "depth": bucket.label,
        "published_s": bucket.published_s,
        "simulated_s": round(bucket.simulated_s, 3),
        "error": round(bucket.error, 4),
        "turns": bucket.turns,
    }


def markdown(data: dict[str, Any]) -> str:
    """The same for people."""
    parts = [
        ["# Figures", "", "Made by `make calibrate-simulator`; what they mean is in README.md."],
        ["## Recorded turns", "", *_recorded(data["recorded"])],
        ["## Recorded turns by depth", "", *_depths(data["recorded"])],
        ["## TTFT over agent sessions, one RTX 3090", "", *_ttft(data["ttft"])],
        ["## Filled contexts, one RTX 3090", "", *_filled(data["filled"])],
        ["## Published figures", "", *_figures(data["published"])],
        ["## Noise", "", *_noise(data["noise"])],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """A table; all columns but the first are numbers."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "---:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"


def _share(value: float) -> str:
    return f"{value:.0%}"


def _both(errors: dict[str, Any], key: str = "all") -> str:
    found = errors.get(key)
    return "–" if found is None else f"{_share(found['median'])} / {_share(found['p90'])}"


def _recorded(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "Relative errors of a turn, median / p90."
    yield ""
    head = ("turns", "TTFT cold", "TTFT warm", "decode")
    named = [(f"{r['engine']}: {r['what']}", _both(r["cold"]), _both(r["warm"]), _both(r["decode"]))
             for r in rows]  # fmt: skip
    yield from table(head, named)


def _depths(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "Half of the turns, by a pace fitted to the others; median / p90."
    yield ""
    found = []
    for row in rows:
        if row["what"].startswith("half"):
            for depth in (d for d in row["cold"] if d != "all"):
                errors = [_both(row[name], depth) for name in ("cold", "warm", "decode")]
                found.append((f"{row['engine']}, {depth}", row["cold"][depth]["turns"], *errors))
    yield from table(("depth", "turns", "TTFT cold", "TTFT warm", "decode"), found)


def _ttft(engines: dict[str, Any]) -> Iterator[str]:
    found = [
        (f"{engine}, {row['depth']}", f"{row['published_s']:g}", f"{row['simulated_s']:.2f}",
         f"{row['error']:+.0%}")
        for engine, rows in engines.items() for row in rows
    ]  # fmt: skip
    yield from table(("p50 TTFT, s", "published", "simulated", "error"), found)


def _filled(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    said = dict(zip(FILLED, ("passes", FAILS, FAILS, "1.2 GB"), strict=True))
    found = []
    for row in rows:
        free = row["free_bytes"]
        left = "out of memory" if free is None else f"{free / GIB:.2f} GiB"
        key = (row["ctx_tokens"], row["filled_tokens"])
        found.append((f"{key[0]}, {key[1]} filled", said[key], left))
    yield from table(("context", "published", "free, simulated"), found)


def _figures(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "Tokens a second but for ratios. Those marked * were not used to choose a pace."
    yield ""
    found = [
        (f"{r['machine']}, {r['model']}, {r['what']}{' *' if r['held'] else ''}", r["published"],
         r["simulated"], f"{r['error']:+.0%}")
        for r in rows
    ]  # fmt: skip
    yield from table(("figure", "published", "simulated", "error"), found)
    yield ""
    sources = sorted({row["source"] for row in rows})
    yield "Sources: " + "; ".join(sources) + "."


def _noise(levels: dict[str, Any]) -> Iterator[str]:
    yield "Standard deviations of logarithms of times; bursts in seconds."
    yield ""
    names = ("run", "drift", "ttft", "decode", "burst_every_s", "burst_s", "burst")
    found = [(name, *(f"{level[n]:.2f}" for n in names)) for name, level in levels.items()]
    yield from table(("recording", *names), found)


def main(argv: list[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("studies", type=Path, help="where the committed studies are")
    parser.add_argument("output", type=Path, help="the folder that figures are written to")
    arguments = parser.parse_args(argv)
    data = figures(arguments.studies)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output / "figures.json", data)
    write_text_atomic(arguments.output / "figures.md", markdown(data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
