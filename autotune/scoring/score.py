"""One measurement as numbers: both scored metrics, what they leave out, and the value."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from autotune.records import TurnRecord
from autotune.scoring.buckets import (
    ALL_TURNS,
    BucketScore,
    bucket_score,
    bucket_table,
    deepest_bucket,
    within,
)
from autotune.scoring.metrics import (
    CachedShare,
    DecodeP50,
    DraftAcceptance,
    MedianOutputTokens,
    NoMetricValue,
    TotalWaitSeconds,
    TtftP50,
    TtftP95,
    TurnSeconds,
)
from autotune.scoring.objective import Objective
from autotune.scoring.warmth import KindScore, kind_table, kinds_of
from autotune.workload.depth import DepthBuckets, DepthRange

TurnKey = tuple[str, int]
"""Session and turn index."""

BOUNDARY_TURNS = "after context edits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a measurement is worth. Absent is ``None``; a failed turn leaves every metric absent.

    Attributes:
        value: the objective in seconds, to be minimised; ``None`` is infeasible.
        reason: why there is no value, one line.
        bucket: the depth over which the metrics are taken, ``all`` for every turn.
        turns_at_depth: how many turns that is.
        turns, failed: of the whole measurement.
        total_wait_s, cached_share, draft_acceptance: over all turns, not only those at depth.
        buckets: a row for each depth bucket that has turns.
        boundary: the turns behind a context edit, which are in no bucket.
        kinds: cold, partial and warm turns of the whole measurement, a row for each there is.
    """

    objective: Objective
    value: float | None = None
    reason: str | None = None
    bucket: str = ALL_TURNS
    turns: int = 0
    turns_at_depth: int = 0
    failed: int = 0
    ttft_p50_s: float | None = None
    ttft_p95_s: float | None = None
    decode_p50_tps: float | None = None
    median_output_tokens: float | None = None
    turn_s: float | None = None
    total_wait_s: float | None = None
    cached_share: float | None = None
    draft_acceptance: float | None = None
    buckets: tuple[BucketScore, ...] = ()
    boundary: BucketScore | None = None
    kinds: tuple[KindScore, ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def score(
    records: Sequence[TurnRecord],
    *,
    objective: Objective = Objective.TURN,
    depth: DepthRange | None = None,
    at_depth: Collection[TurnKey] | None = None,
    buckets: DepthBuckets | None = None,
) -> Score:
    """Score one measurement of one candidate.

    "At depth" is the turns named by `at_depth`, else those whose depth is in `depth`, else the
    deepest bucket with enough turns, else all. A search names them once and for all candidates:
    in closed loop depths differ a little, and a turn that crosses an edge would change who is
    compared. Turns behind a context edit count only where there are no others. One failed turn,
    and the measurement has no value.
    """
    failed = [r for r in records if not r.ok]
    if failed or not records:
        cause = _failure_reason(failed, len(records))
        return Score(objective=objective, reason=cause, turns=len(records), failed=len(failed))
    chosen, label = _at_depth(records, depth, at_depth, buckets)
    value, reason = _value(chosen, objective, label)
    edited = [r for r in records if r.boundary is not None]
    kinds = kinds_of(records)
    return Score(
        objective=objective,
        value=value,
        reason=reason,
        bucket=label,
        turns=len(records),
        turns_at_depth=len(chosen),
        ttft_p50_s=TtftP50().value(chosen),
        ttft_p95_s=TtftP95().value(chosen),
        decode_p50_tps=DecodeP50().value(chosen),
        median_output_tokens=MedianOutputTokens().value(chosen),
        turn_s=TurnSeconds().value(chosen),
        total_wait_s=TotalWaitSeconds().value(records),
        cached_share=CachedShare().value(records),
        draft_acceptance=DraftAcceptance().value(records),
        buckets=bucket_table(records, buckets),
        boundary=bucket_score(BOUNDARY_TURNS, edited, kinds) if edited else None,
        kinds=kind_table(records, kinds),
    )


def _failure_reason(failed: Sequence[TurnRecord], turns: int) -> str:
    if not failed:
        return "no turn was measured"
    first = min(failed, key=lambda r: (r.failure == "unreached", r.order))
    where = f"session {first.session_id} turn {first.turn}"
    return f"{len(failed)} of {turns} turns failed, first {where}: {first.detail or first.failure}"


def _at_depth(
    records: Sequence[TurnRecord],
    depth: DepthRange | None,
    keys: Collection[TurnKey] | None,
    buckets: DepthBuckets | None,
) -> tuple[list[TurnRecord], str]:
    """The turns the objective looks at, and what to call them."""
    if keys is not None:
        named = [r for r in records if (r.session_id, r.turn) in keys]
        chosen = [r for r in named if r.boundary is None] or named
        return chosen, str(depth) if depth is not None else _label(chosen, buckets)
    depth = depth or deepest_bucket(records, buckets=buckets)
    if depth is not None:
        return within(records, depth), str(depth)
    return [r for r in records if r.boundary is None] or list(records), ALL_TURNS


def _label(chosen: Sequence[TurnRecord], buckets: DepthBuckets | None) -> str:
    """The bucket that all of them are in, where there is one."""
    table = bucket_table(chosen, buckets)
    return table[0].bucket if len(table) == 1 and table[0].turns == len(chosen) else ALL_TURNS


def _value(
    chosen: Sequence[TurnRecord], objective: Objective, label: str
) -> tuple[float | None, str | None]:
    if not chosen:
        return None, f"no turn is at depth {label}"
    try:
        return objective.seconds(chosen), None
    except NoMetricValue as absence:
        return None, absence.message
