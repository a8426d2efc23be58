"""The noise of a machine from one config measured on it again and again (``aa-run/1`` recordings).

Logarithms of times, less each turn's median over the runs, are split: a run's median is the run's
own deviation and the drift that it has in common with the next run; what is left is the turn's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, pvariance

from autotune.simulated.noise import Noise

Turn = tuple[str, int]

BURST_EVERY_S, BURST_S = 6.0, 2.0
"""Of the process that ``make record-noise`` lets come and go."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run: seconds to the first token of each turn, and seconds a token where it has a rate."""

    ttft_s: Mapping[Turn, float]
    token_s: Mapping[Turn, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """Variances of logarithms: of runs (`drift` is the part that neighbours share), and of turns
    within a run."""

    run: float
    drift: float
    turn: float


def read_runs(path: Path) -> list[RecordedRun]:
    """Every run of a recording, in the order in which they were made."""
    with path.open(encoding="utf-8") as stream:
        return [_run(json.loads(line)) for line in stream if line.strip()]


def _run(data: Mapping[str, object]) -> RecordedRun:
    columns, turns = data["columns"], data["turns"]
    assert isinstance(columns, list)
    assert isinstance(turns, list)
    rows = [dict(zip(columns, row, strict=True)) for row in turns]
    return RecordedRun(
        ttft_s={(row["session_id"], row["turn"]): row["ttft_s"] for row in rows},
        token_s={
            (row["session_id"], row["turn"]): 1 / row["decode_tps"]
            for row in rows
            if row["decode_tps"]
        },
    )


def fitted_noise(runs: Sequence[RecordedRun]) -> Noise:
    """The noise of a recording without bursts. Runs deviate in TTFT and decode alike: the mean."""
    first = spread([run.ttft_s for run in runs])
    decode = spread([run.token_s for run in runs])
    drift = fmean((first.drift, decode.drift))
    run = fmean((first.run, decode.run)) - drift
    return Noise(
        run=math.sqrt(max(0.0, run)),
        drift=math.sqrt(drift),
        ttft=math.sqrt(first.turn),
        decode=math.sqrt(decode.turn),
    )


def with_bursts(quiet: Noise, runs: Sequence[RecordedRun]) -> Noise:
    """`quiet`, and bursts of the factor that explains what `runs` spread more, turn by turn.

    In a share ``p`` of the time work takes ``f`` times as long: that is a variance of
    ``p * (1 - p) * log(f) ** 2``.
    """
    first = spread([run.ttft_s for run in runs])
    decode = spread([run.token_s for run in runs])
    more = fmean((first.turn, decode.turn)) - fmean((quiet.ttft**2, quiet.decode**2))
    share = BURST_S / (BURST_EVERY_S + BURST_S)
    factor = math.exp(math.sqrt(max(0.0, more) / (share * (1 - share))))
    return replace(quiet, burst_every_s=BURST_EVERY_S, burst_s=BURST_S, burst=factor)


def spread(runs: Sequence[Mapping[Turn, float]]) -> Spread:
    """How runs of the same turns differ, and turns within them."""
    usual = _usual(runs)
    off = [[math.log(s) - usual[turn] for turn, s in run.items()] for run in runs]
    middles = [median(own) for own in off]
    mean = fmean(middles)
    shared = fmean((a - mean) * (b - mean) for a, b in pairwise(middles))
    variance = pvariance(middles)
    return Spread(
        run=variance,
        drift=min(max(0.0, shared), variance),
        turn=fmean(pvariance(own) for own in off if len(own) > 1),
    )


def _usual(runs: Sequence[Mapping[Turn, float]]) -> dict[Turn, float]:
    """The median logarithm of each turn."""
    turns = {turn for run in runs for turn in run}
    return {turn: median(math.log(run[turn]) for run in runs if turn in run) for turn in turns}
