"""The simulator against what was recorded: a pace fitted to turns, and how far it is off.

Recorded are single turns of real engines with the prefix cache on and off (``cache-effect.csv`` of
a prefix-cache study): how deep, how much of it was computed, seconds. A pace is fitted to one
session and judged on another, so that the error stated is of turns it has not seen.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from autotune.scoring.quantile import quantile
from autotune.simulated.roofline import Pace, Roofline
from autotune.workload.depth import DepthBuckets

RooflineOf = Callable[[Pace], Roofline]


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """One turn of a real engine. `computed` of its `depth` prompt tokens were prefilled."""

    warm: bool
    depth: int
    computed: int
    ttft_s: float
    decode_tps: float | None


@dataclass(frozen=True, slots=True)
class Error:
    """Relative errors, ``|predicted / recorded - 1|``, over `turns` turns."""

    turns: int
    median: float
    p90: float


def read_turns(path: Path) -> list[RecordedTurn]:
    """Both arms of a ``cache-effect.csv``, cold and warm."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [turn for row in rows for turn in (_turn(row, "cold"), _turn(row, "warm"))]


def _turn(row: dict[str, str], arm: str) -> RecordedTurn:
    rate = row[f"decode_{arm}_tps"]
    return RecordedTurn(
        warm=arm == "warm",
        depth=int(row["depth_tokens"]),
        computed=int(row[f"prefilled_{arm}_tokens"]),
        ttft_s=float(row[f"ttft_{arm}_s"]),
        decode_tps=float(rate) if rate else None,
    )


def predicted_ttft_s(roofline: Roofline, turn: RecordedTurn) -> float:
    """What the simulator says of a turn."""
    before = turn.depth - turn.computed
    return roofline.request_s(turn.depth) + roofline.prefill_s(turn.computed, before)


def predicted_tps(roofline: Roofline, turn: RecordedTurn) -> float:
    """What the simulator says of a turn's decode rate."""
    return 1.0 / roofline.step_s(1, turn.depth)


_BOUNDS: Mapping[str, tuple[float, float]] = {
    "matmul": (0.01, 1.0),
    "attention": (0.01, 1.0),
    "cache": (0.01, 1.0),
    "request_s": (1e-3, 1.0),
    "prompt_token_s": (1e-8, 1e-4),
    "step_s": (1e-5, 1e-1),
}
"""A share is no more than all; where a model's own work is nothing beside attention, its share
cannot be told and ends at a bound."""


def fitted(turns: Sequence[RecordedTurn], of: RooflineOf, start: Pace) -> Pace:
    """`start` with the shares and losses that fit `turns` best: least sum of absolute logarithms.

    Such a sum bears the turns that somebody else disturbed. Prefill and decode have nothing in
    common, and are fitted apart.
    """
    first = ("matmul", "attention", "request_s", "prompt_token_s")
    pace = _least(first, start, lambda p: _misses_ttft(turns, of(p)))
    rated = [turn for turn in turns if turn.decode_tps]
    return _least(("step_s", "cache"), pace, lambda p: _misses_decode(rated, of(p)))


def _misses_ttft(turns: Sequence[RecordedTurn], roofline: Roofline) -> float:
    return sum(abs(math.log(predicted_ttft_s(roofline, t) / t.ttft_s)) for t in turns)


def _misses_decode(turns: Sequence[RecordedTurn], roofline: Roofline) -> float:
    return sum(abs(math.log(predicted_tps(roofline, t) / (t.decode_tps or 1.0))) for t in turns)


def _least(names: Sequence[str], start: Pace, misses: Callable[[Pace], float]) -> Pace:
    """By Nelder and Mead on a log scale, within bounds, twice: it may stop too early."""
    from scipy.optimize import minimize

    def of(logs: Iterable[float]) -> Pace:
        values = {name: math.exp(log) for name, log in zip(names, logs, strict=True)}
        return replace(start, **values)

    bounds = [(math.log(low), math.log(high)) for low, high in map(_BOUNDS.__getitem__, names)]
    logs = [math.log(getattr(start, name)) for name in names]
    for _ in range(2):
        logs = minimize(
            lambda found: misses(of(found)), logs, method="Nelder-Mead", bounds=bounds,
            options={"maxiter": 2000, "xatol": 1e-3, "fatol": 1e-3},
        ).x  # fmt: skip
    return of(logs)


def ttft_errors(
    turns: Sequence[RecordedTurn], of: Callable[[RecordedTurn], Roofline]
) -> dict[str, Error]:
    """Errors of TTFT by depth bucket, and over ``all``; `of` gives the roofline of a turn."""
    return _by_bucket(turns, lambda t: predicted_ttft_s(of(t), t) / t.ttft_s)


def decode_errors(
    turns: Sequence[RecordedTurn], of: Callable[[RecordedTurn], Roofline]
) -> dict[str, Error]:
    """Errors of the decode rate, of turns that have one."""
    rated = [turn for turn in turns if turn.decode_tps]
    return _by_bucket(rated, lambda t: predicted_tps(of(t), t) / (t.decode_tps or 1.0))


def _by_bucket(
    turns: Sequence[RecordedTurn], ratio: Callable[[RecordedTurn], float]
) -> dict[str, Error]:
    buckets = DepthBuckets()
    labels = [buckets.label(turn.depth) for turn in turns]
    found = {
        label: _error([ratio(t) for t, own in zip(turns, labels, strict=True) if own == label])
        for label in buckets.labels
        if label in labels
    }
    return {**found, "all": _error([ratio(turn) for turn in turns])}


def _error(ratios: Sequence[float]) -> Error:
    off = sorted(abs(ratio - 1.0) for ratio in ratios)
    return Error(len(off), median(off), quantile(off, 0.9))
