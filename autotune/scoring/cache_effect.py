"""What the prefix cache is worth: the same prompts with reuse on (warm) and off (cold).

Every difference is cold less warm, in seconds: what reuse saved. Turns are paired by session, block
and turn. A row of the table of turns is the median over the blocks in which that turn was measured;
a row by depth is over all pairs whose prompt is that deep, with a percentile interval from the same
bootstrap as every comparison (`autotune.scoring.resampling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median_low

from autotune.errors import MachineError
from autotune.records import TurnRecord
from autotune.scoring.buckets import MIN_TURNS
from autotune.scoring.cache_buckets import BucketEffect, all_turns, by_depth
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.pairs import Pair, pair_turns
from autotune.scoring.prefilled import prefilled_tokens
from autotune.scoring.quantile import median
from autotune.workload.depth import DepthBuckets

__all__ = [
    "COLD_ARM",
    "MIN_TURNS",
    "WARM_ARM",
    "BucketEffect",
    "CacheEffect",
    "NotColdError",
    "SessionWait",
    "TurnEffect",
    "cache_effect",
]

WARM_ARM = "cache=on"
COLD_ARM = "cache=off"
RESAMPLES = 2000


class NotColdError(MachineError):
    """A turn of the cold arm reused tokens: there is nothing to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEffect:
    """One turn under both arms, the median over `blocks` repetitions. Absent is ``None``.

    Attributes:
        depth_tokens: prompt tokens as the engine counts them (of the cold arm).
        warm_depth_tokens: the same of the warm arm; equal where the prompts are.
        reused_tokens: prompt tokens that the warm arm says it reused.
        cold_cached_tokens: the same of the cold arm: 0, or ``None`` where it is not reported.
        prefilled_warm_tokens, prefilled_cold_tokens: prompt tokens that each arm computed.
        ttft_warm_s, ttft_cold_s: request sent to the first content.
        wall_warm_s, wall_cold_s: to the end of the stream; a reply that ended early is reckoned to
            its asked length.
        decode_warm_tps, decode_cold_tps: the decode rate.
    """

    session_id: str
    turn: int
    blocks: int
    boundary: str | None
    depth_tokens: int | None
    warm_depth_tokens: int | None
    reused_tokens: int | None
    cold_cached_tokens: int | None
    prefilled_warm_tokens: int | None
    prefilled_cold_tokens: int | None
    ttft_warm_s: float | None
    ttft_cold_s: float | None
    wall_warm_s: float | None
    wall_cold_s: float | None
    decode_warm_tps: float | None
    decode_cold_tps: float | None

    @property
    def ttft_saved_s(self) -> float | None:
        """Cold TTFT less warm TTFT."""
        return _less(self.ttft_cold_s, self.ttft_warm_s)

    @property
    def wall_saved_s(self) -> float | None:
        """Cold wall time less warm wall time."""
        return _less(self.wall_cold_s, self.wall_warm_s)


@dataclass(frozen=True, slots=True)
class SessionWait:
    """What a session's user waited in all: the sum of the wall times of its turns, once through."""

    session_id: str
    turns: int
    wait_cold_s: float
    wait_warm_s: float

    @property
    def saved_s(self) -> float:
        """Waiting that reuse spared; negative where it cost some."""
        return self.wait_cold_s - self.wait_warm_s


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEffect:
    """The experiment's answer.

    Attributes:
        turns: a row a turn, by session and turn.
        buckets: a row a depth bucket that has turns, shallow to deep; without context edits.
        overall: every turn, context edits included.
        sessions: waiting by session, in the order of their names.
        unit: what the bootstrap drew.
        blocks: how often the turns were measured.
        unpaired: records of one arm without a partner in the other, which were left out.
    """

    turns: tuple[TurnEffect, ...]
    buckets: tuple[BucketEffect, ...]
    overall: BucketEffect
    sessions: tuple[SessionWait, ...]
    unit: str
    blocks: int
    unpaired: int

    @property
    def checked(self) -> bool:
        """Whether the engine said of every cold turn that it reused nothing."""
        return all(row.cold_cached_tokens is not None for row in self.turns)

    @property
    def unequal_prompts(self) -> int:
        """Turns whose prompts have not the same number of tokens in both arms."""
        return sum(row.depth_tokens != row.warm_depth_tokens for row in self.turns)

    @property
    def saved_s(self) -> float:
        """Waiting that reuse spared, all sessions once through."""
        return sum(session.saved_s for session in self.sessions)


def cache_effect(
    records: Iterable[TurnRecord],
    *,
    warm: str = WARM_ARM,
    cold: str = COLD_ARM,
    buckets: DepthBuckets | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> CacheEffect:
    """Compare the warm and the cold arm among `records`; other arms are passed over.

    An arm is warm that is named `warm`, or has it among its words: ``my-study#7,cache=on``.
    Raises `NotColdError` for a cold turn with cached tokens, named by session and turn, and
    `NoMetricValue` when a turn failed, was measured twice in a block, or nothing pairs.
    """
    found = list(records)
    colds = [r for r in found if cold in r.arm.split(",")]
    for record in colds:
        _refuse_reuse(record)
    pairs, unpaired = pair_turns(colds, [r for r in found if warm in r.arm.split(",")])
    if not pairs:
        raise NoMetricValue(f"no turn was measured under both {warm} and {cold}")
    turns = tuple(_turns(pairs))
    unit, overall = all_turns(pairs, seed, resamples)
    return CacheEffect(
        turns=turns,
        buckets=by_depth(pairs, buckets or DepthBuckets(), seed, resamples),
        overall=overall,
        sessions=tuple(_waits(turns)),
        unit=unit,
        blocks=len({pair.default.block for pair in pairs}),
        unpaired=unpaired,
    )


def _refuse_reuse(record: TurnRecord) -> None:
    if record.cached_tokens:
        where = f"session {record.session_id} turn {record.turn} (block {record.block})"
        raise NotColdError(
            f"{where} reused {record.cached_tokens} tokens although the cache is off",
            "find the switch that turns the engine's prefix cache off: docs/engines.md, cold arm",
        )


def _turns(pairs: Sequence[Pair]) -> Iterator[TurnEffect]:
    def key(pair: Pair) -> tuple[str, int]:
        return pair.session_id, pair.default.turn

    for _, group in groupby(sorted(pairs, key=key), key):
        yield _turn(list(group))


def _turn(blocks: Sequence[Pair]) -> TurnEffect:
    colds, warms = [p.default for p in blocks], [p.candidate for p in blocks]
    first = colds[0]
    return TurnEffect(
        session_id=first.session_id,
        turn=first.turn,
        blocks=len(blocks),
        boundary=first.boundary,
        depth_tokens=_count(r.depth_tokens for r in colds),
        warm_depth_tokens=_count(r.depth_tokens for r in warms),
        reused_tokens=_count(r.cached_tokens for r in warms),
        cold_cached_tokens=_count(r.cached_tokens for r in colds),
        prefilled_warm_tokens=_count(map(prefilled_tokens, warms)),
        prefilled_cold_tokens=_count(map(prefilled_tokens, colds)),
        ttft_warm_s=_middle(r.ttft_s for r in warms),
        ttft_cold_s=_middle(r.ttft_s for r in colds),
        wall_warm_s=_middle(r.work_s for r in warms),
        wall_cold_s=_middle(r.work_s for r in colds),
        decode_warm_tps=_middle(r.decode_tps for r in warms),
        decode_cold_tps=_middle(r.decode_tps for r in colds),
    )


def _waits(turns: Sequence[TurnEffect]) -> Iterator[SessionWait]:
    for session_id, group in groupby(turns, lambda row: row.session_id):
        timed = [
            (row.wall_cold_s, row.wall_warm_s)
            for row in group
            if row.wall_cold_s is not None and row.wall_warm_s is not None
        ]
        cold_s, warm_s = sum(c for c, _ in timed), sum(w for _, w in timed)
        yield SessionWait(session_id, len(timed), cold_s, warm_s)


def _count(values: Iterable[int | None]) -> int | None:
    """The middle count, one that was measured; ``None`` where a block has none."""
    found = list(values)
    told = [value for value in found if value is not None]
    return median_low(told) if told and len(told) == len(found) else None


def _middle(values: Iterable[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if told else None


def _less(cold: float | None, warm: float | None) -> float | None:
    return None if cold is None or warm is None else cold - warm
