"""How often a comparison is wrong: identical arms, drawn from runs of one config on a real engine.

A recording is one config measured again and again, a fresh server each time. Its runs are dealt to
two arms as a confirmation would have measured them, in blocks whose order turns around. Both arms
are the same, so whatever `compare` calls different is an error.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.comparison import METRICS, Comparison, Ratio
from autotune.scoring.interval import compare
from autotune.scoring.quantile import median
from autotune.scoring.verdict import Verdict, smallest_seen, verdict_of

SCHEMA_VERSION = "aa-run/1"

Run = tuple[TurnRecord, ...]
"""One measurement of every turn of the plan."""

Arms = tuple[list[TurnRecord], list[TurnRecord]]

_COLUMNS = ("session_id", "turn", "depth_tokens", "output_tokens", "ttft_s", "decode_tps", "wall_s")
_DIGITS = {"ttft_s": 5, "decode_tps": 3, "wall_s": 5}


@dataclass(frozen=True, slots=True)
class Design:
    """A study: `blocks` of two arms on `sessions` of the recorded ones.

    Blocks that follow each other `in_a_row` suffer from the same drift, as a confirmation's do,
    but a recording holds few sets of them that do not overlap; those from anywhere in it are
    thousands.
    """

    sessions: int
    blocks: int = 3
    in_a_row: bool = False


@dataclass(frozen=True, slots=True)
class Calls:
    """The intervals that studies of identical arms gave, of one metric.

    Dividing every time of the candidate by a factor multiplies its ratio and both bounds by that
    factor and changes nothing else, so one set of studies answers for every true difference.
    """

    ratios: tuple[Ratio, ...]

    @property
    def studies(self) -> int:
        """How many there were."""
        return len(self.ratios)

    @property
    def errors(self) -> int:
        """How many called identical arms different."""
        return sum(verdict_of(each) is not Verdict.CANNOT_TELL for each in self.ratios)

    def found(self, factor: float) -> int:
        """How many would have called a candidate that is `factor` times as fast faster."""
        return sum(each.low is not None and each.low * factor > 1 for each in self.ratios)

    @property
    def smallest_seen(self) -> float | None:
        """The median over studies of the smallest difference that could have been seen."""
        widths = [width for each in self.ratios if (width := smallest_seen(each)) is not None]
        return median(widths) if widths else None


def run_to_json(
    records: Sequence[TurnRecord], *, at: str, other_cores: float | None
) -> dict[str, Any]:
    """A run as one compact object: the columns that a comparison reads."""
    turns = [[_rounded(name, getattr(r, name)) for name in _COLUMNS] for r in records]
    return {
        "schema_version": SCHEMA_VERSION,
        "at": at,
        "other_cores": other_cores,
        "columns": list(_COLUMNS),
        "turns": turns,
    }


def run_from_json(row: Mapping[str, Any]) -> Run:
    """The turns of a run. Raises ``ValueError`` for another schema."""
    if row["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"a run of schema {row['schema_version']} is not {SCHEMA_VERSION}")
    return tuple(
        _record(order, dict(zip(row["columns"], values, strict=True)), row["at"])
        for order, values in enumerate(row["turns"])
    )


def read_runs(lines: Iterable[str]) -> list[Run]:
    """Every run of a recording's JSON lines, in the order in which they were measured."""
    return [run_from_json(json.loads(line)) for line in lines if line.strip()]


def studies(runs: Sequence[Run], design: Design, count: int, seed: int = 0) -> Iterator[Arms]:
    """`count` studies of identical arms, at random: which runs, and which of the sessions.

    A block is two runs that followed each other, as the two arms of a confirmation do; which of
    them is the candidate turns around from block to block. The blocks of a study come from
    anywhere in the recording, or follow each other where the design says so. Raises
    ``ValueError`` for a recording with too few runs or sessions.
    """
    names = sorted({record.session_id for record in runs[0]})
    if len(runs) < 2 * design.blocks or len(names) < design.sessions:
        raise ValueError(f"{2 * design.blocks} runs of {design.sessions} sessions are needed")
    rng = random.Random(seed)
    for _ in range(count):
        starts = _starts(rng, len(runs), design)
        sessions = set(rng.sample(names, design.sessions))
        yield _dealt([runs[at : at + 2] for at in starts], sessions, first=rng.randrange(2))


def _starts(rng: random.Random, runs: int, design: Design) -> list[int]:
    """The first run of each block; no run is in two of them."""
    if design.in_a_row:
        start = rng.randrange(runs - 2 * design.blocks + 1)
        return [start + 2 * block for block in range(design.blocks)]
    # Gaps between blocks: as many ways to choose as runs are left over, plus the blocks.
    chosen = sorted(rng.sample(range(runs - design.blocks), design.blocks))
    starts = [at + block for block, at in enumerate(chosen)]
    rng.shuffle(starts)
    return starts


def calibrate(
    runs: Sequence[Run],
    design: Design,
    *,
    count: int = 200,
    seed: int = 0,
    compared: Callable[[list[TurnRecord], list[TurnRecord]], Comparison] = compare,
) -> dict[str, Calls]:
    """What `count` studies of identical arms say, by metric; ``turn_s by turn`` and the like are
    the geometric means of paired ratios. Raises as `studies` does."""
    found: dict[str, list[Ratio]] = {}
    for default, candidate in studies(runs, design, count, seed):
        for name, ratio in _ratios(compared(default, candidate)):
            found.setdefault(name, []).append(ratio)
    return {name: Calls(tuple(ratios)) for name, ratios in found.items()}


def _ratios(comparison: Comparison) -> Iterator[tuple[str, Ratio]]:
    for name in METRICS:
        ratio = comparison.metric(name)
        if ratio is not None:
            yield name, ratio
        if name in comparison.by_turn:
            yield f"{name} by turn", comparison.by_turn[name].mean


def most_by_chance(studies: int, rate: float, tail: float = 0.01) -> int:
    """The least count that more than `rate` of `studies` exceed with a chance below `tail`.

    What a test of a stated error rate may allow: the binomial's upper quantile.
    """
    from scipy.stats import binom

    return int(binom.ppf(1 - tail, studies, rate))


def _dealt(blocks: Sequence[Sequence[Run]], sessions: set[str], *, first: int) -> Arms:
    """The runs of each block to both arms, in an order that turns around."""
    arms: Arms = ([], [])
    for block, pair in enumerate(blocks):
        for second, run in enumerate(pair):
            arm = arms[(second + block + first) % 2]
            arm.extend(replace(r, block=block) for r in run if r.session_id in sessions)
    return arms


def _record(order: int, values: Mapping[str, Any], at: str) -> TurnRecord:
    return TurnRecord(
        arm="aa",
        block=0,
        order=order,
        started_at=at,
        asked_output_tokens=values["output_tokens"],
        finish_reason="length",
        **values,
    )


def _rounded(name: str, value: Any) -> Any:
    digits = _DIGITS.get(name)
    return value if digits is None or value is None else round(value, digits)
