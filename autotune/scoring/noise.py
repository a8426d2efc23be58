"""How far two measurements of one config lie apart on this machine: the floor of every difference.

An A/A run measures the same thing again and again. Each pair of neighbouring runs gives a
log-ratio for every metric, ``x = log(before / after)``. Whatever is not in the config (scheduling,
clocks, memory layout, neighbours) is in it. Which run came first is of no meaning, so ``x`` has
the mean 0, and its spread is estimated by ``s = sqrt(mean(x^2))`` alone.

**Half-width.** A further pair lies within ``t(0.975, df) * s`` in 95 of 100 cases: the prediction
interval of a normal variable with a known mean (Hahn and Meeker, "Statistical Intervals", 1991,
section 4.8). Student's ``t`` is the correction for few pairs: 12.7 for one, 2.6 for five, 2.0 for
sixty. Never less than the 95th percentile of ``|x|`` itself, for tails that are heavier.

**Degrees of freedom.** Neighbouring pairs of ``k + 1`` runs share a run each, so k of them tell
less than k: ``df = 2 k^2 / (3 k - 1)``, from the variance of the mean square successive difference
(von Neumann, Kent, Bellinson and Hart, Annals of Mathematical Statistics 12, 1941).

Neighbours, and not all pairs: arms of a comparison are interleaved, so what they suffer from is the
difference between neighbours and not the drift of an hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.pairs import Pair
from autotune.scoring.quantile import median, quantile

METRICS = ("turn_s", "ttft", "decode", "total_wait")
"""What a floor has a half-width for: the names under which a comparison has its ratios."""

CONFIDENCE = 0.95
LEAST_RUN_PAIRS = 3
"""With fewer pairs of whole runs, parts of them are taken: one pair says next to nothing."""

PART_TURNS = 4
"""Turns of a part. Its noise is at least that of a whole run: what comes of it errs to the wide."""

LEAST_PARTS = 2

ASSUMED = math.log(1.15)
"""Where nothing was measured: two cores of a shared machine drift by a tenth within a minute."""

TurnKey = tuple[str, int]


class Method(StrEnum):
    """What the pairs of a floor are: how it was measured."""

    RUNS = "whole runs, one after the other"
    PARTS = "parts of repeated runs"
    ASSUMED = "assumed, not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """By how much two measurements of the same config differ on this machine.

    Attributes:
        half_widths: metric (of `METRICS`) to the half-width as a log-ratio: of two runs, 95 of 100
            lie within ``exp(-h)`` and ``exp(h)`` of each other. Metrics that were never there are
            left out.
        pairs: how many pairs it is made of.
        method: what they are.
        measured_at: UTC, ISO 8601; empty for one that is assumed.
        quiet: whether nobody else used the machine meanwhile; ``None`` when it was not watched.
    """

    half_widths: Mapping[str, float] = field(default_factory=dict)
    pairs: int = 0
    method: Method = Method.ASSUMED
    measured_at: str = ""
    quiet: bool | None = None

    def half_width(self, metric: str) -> float:
        """Of one metric; `ASSUMED` where it is not known."""
        return self.half_widths.get(metric, ASSUMED)

    @property
    def is_measured(self) -> bool:
        """Whether it comes from runs of this machine."""
        return self.method is not Method.ASSUMED

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        return {**asdict(self), "method": self.method.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NoiseFloor:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what `to_json` did not write."""
        fields = dict(data)
        fields["half_widths"] = {str(k): float(v) for k, v in data["half_widths"].items()}
        fields["method"] = Method(data["method"])
        return cls(**fields)


def assumed_floor() -> NoiseFloor:
    """What is reckoned with until something is measured."""
    return NoiseFloor(half_widths=dict.fromkeys(METRICS, ASSUMED))


def noise_floor(
    runs: Sequence[Sequence[TurnRecord]],
    *,
    keys: Collection[TurnKey] | None = None,
    measured_at: str,
    quiet: bool | None = None,
) -> NoiseFloor | None:
    """The floor from `runs` of one config, in the order in which they were made.

    `keys` are the (session, turn) pairs at depth; the total wait is over all turns, as in a
    comparison. From `LEAST_RUN_PAIRS` pairs on, neighbouring runs are compared whole; with fewer,
    parts of them. ``None`` where two runs do not share enough turns.
    """
    neighbours = len(runs) - 1
    if neighbours < 1:
        return None
    whole = neighbours >= LEAST_RUN_PAIRS
    seen = [_shared(a, b) for a, b in pairwise(runs)]
    parts = seen if whole else [part for pairs in seen for part in _parts(pairs)]
    values = _log_ratios(parts, keys)
    if not values:
        return None
    degrees = {name: _degrees(len(x), neighbours) for name, x in values.items()}
    return NoiseFloor(
        half_widths={name: half_width(x, degrees[name]) for name, x in values.items()},
        pairs=len(parts),
        method=Method.RUNS if whole else Method.PARTS,
        measured_at=measured_at,
        quiet=quiet,
    )


def half_width(log_ratios: Sequence[float], degrees: float) -> float:
    """``max(t(0.975, degrees) * sqrt(mean(x^2)), p95(|x|))``; see the top of this module."""
    from scipy.stats import t

    spread = math.sqrt(sum(x * x for x in log_ratios) / len(log_ratios))
    factor = float(t.ppf((1 + CONFIDENCE) / 2, degrees))
    return max(factor * spread, quantile([abs(x) for x in log_ratios], CONFIDENCE))


def successive_degrees(pairs: int) -> float:
    """Degrees of freedom in `pairs` neighbouring differences: ``2 k^2 / (3 k - 1)``."""
    return 2 * pairs * pairs / (3 * pairs - 1)


def _degrees(values: int, neighbours: int) -> float:
    """Of `values` log-ratios, as many from each of `neighbours` pairs of runs."""
    return values * successive_degrees(neighbours) / neighbours


def _shared(before: Sequence[TurnRecord], after: Sequence[TurnRecord]) -> list[Pair]:
    """Good turns that both runs have, in plan order."""
    later = {(r.session_id, r.turn): r for r in after if r.ok}
    earlier = sorted((r for r in before if r.ok), key=lambda r: r.order)
    return [Pair(r, later[k]) for r in earlier if (k := (r.session_id, r.turn)) in later]


def _parts(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """Neighbouring turns together, in parts of about `PART_TURNS`; at least two."""
    count = max(LEAST_PARTS, len(pairs) // PART_TURNS)
    if len(pairs) < count:
        return
    edges = [round(at * len(pairs) / count) for at in range(count + 1)]
    for start, end in pairwise(edges):
        yield pairs[start:end]


def _log_ratios(
    parts: Sequence[Sequence[Pair]], keys: Collection[TurnKey] | None
) -> dict[str, list[float]]:
    """Every part's log-ratio by metric; a metric that no part has is left out."""
    found: dict[str, list[float]] = {}
    for part in parts:
        for name, value in part_ratios(part, keys).items():
            found.setdefault(name, []).append(math.log(value))
    return found


def part_ratios(pairs: Sequence[Pair], keys: Collection[TurnKey] | None) -> dict[str, float]:
    """Before over after, by metric, over these pairs of turns; those that are absent left out.

    The formulas are those of a comparison, each part over turns that both runs have.
    """
    scored = [p for p in pairs if keys is None or (p.default.session_id, p.default.turn) in keys]
    first = _medians(scored, lambda r: r.ttft_s)
    rate = _medians(scored, lambda r: r.decode_tps)
    tokens = _medians(scored, lambda r: r.work_tokens)
    waits = _told(pairs, lambda r: r.work_s)
    values: dict[str, float] = {}
    if first and rate and tokens:
        before, after = (f + n / d for f, n, d in zip(first, tokens, rate, strict=True))
        values["turn_s"] = before / after
    if first:
        values["ttft"] = first[0] / first[1]
    if rate:
        values["decode"] = rate[1] / rate[0]
    if waits:
        values["total_wait"] = sum(a for a, _ in waits) / sum(b for _, b in waits)
    return values


Read = Callable[[TurnRecord], float | None]


def _told(pairs: Sequence[Pair], read: Read) -> list[tuple[float, float]]:
    """What both turns of a pair have, where it is above 0."""
    both = ((read(pair.default), read(pair.candidate)) for pair in pairs)
    return [(a, b) for a, b in both if a and b]


def _medians(pairs: Sequence[Pair], read: Read) -> tuple[float, float] | None:
    told = _told(pairs, read)
    return (median([a for a, _ in told]), median([b for _, b in told])) if told else None
