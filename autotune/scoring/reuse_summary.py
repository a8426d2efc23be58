"""A trial's reuse in one small table: what was lost, by cause, in tokens and in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.reuse_causes import losses_of
from autotune.scoring.reuse_cost import PrefillCost, cold_ones, fit_cost, prefills
from autotune.scoring.reuse_model import ADVICE, CacheShape, Cause, Expected, Explained, Loss
from autotune.scoring.reuse_time import InTime, TimeReuse, reuse_in_time

SCHEMA_VERSION = "reuse/1"
FAR_OFF = 0.02
"""A prompt whose tokens differ by more than this share from what the engine counted is named."""


def explain(
    turns: Sequence[Expected], records: Sequence[TurnRecord], shape: CacheShape
) -> list[Explained]:
    """Each turn with its losses and their seconds; `records` are those of `turns`, in their order.

    Seconds are by the engine's own prefill time where it reports one, else by TTFT.
    """
    told = _as_told(records, shape)
    cost = cost_of(records)
    return [
        _explained(turn, record, told, cost) for turn, record in zip(turns, records, strict=True)
    ]


def cost_of(records: Sequence[TurnRecord]) -> PrefillCost | None:
    """What prompt tokens cost here: by every turn, or by the cold ones where hits save nothing."""
    rows = prefills(records)
    time = reuse_in_time(records)
    return fit_cost(cold_ones(rows) if time.verdict is InTime.NOTHING else rows)


def _as_told(records: Sequence[TurnRecord], shape: CacheShape) -> CacheShape:
    """A cache that nothing is known of, and that never gave a token back, is off."""
    reported = [r.cached_tokens for r in records if r.cached_tokens is not None]
    if shape.enabled is None and reported and not any(reported):
        return replace(shape, enabled=False)
    return shape


def _explained(
    turn: Expected, record: TurnRecord, shape: CacheShape, cost: PrefillCost | None
) -> Explained:
    losses = losses_of(turn, record.cached_tokens, shape)
    depth = record.depth_tokens
    return Explained(
        expected=turn,
        depth_tokens=depth,
        reused_tokens=record.cached_tokens,
        ttft_s=record.ttft_s,
        prefill_s=record.server_prefill_s,
        cold_s=cost.turn_s(0, depth) if cost is not None and depth is not None else None,
        losses=tuple(_costed(loss, cost) for loss in losses),
    )


def _costed(loss: Loss, cost: PrefillCost | None) -> Loss:
    return loss if cost is None else replace(loss, seconds=cost.between_s(loss.begin, loss.end))


def summarize(
    turns: Sequence[Explained], records: Sequence[TurnRecord], time: TimeReuse | None = None
) -> dict[str, Any]:
    """A few kB of plain data: totals, causes with the largest first, reuse in time.

    `lost_s` and the causes' `seconds` are of all turns; divide by `sessions` for one session.
    """
    in_time = reuse_in_time(records) if time is None else time
    cost = cost_of(records)
    causes = _causes(turns)
    known = [c["seconds"] for c in causes if c["seconds"] is not None]
    return {
        "schema_version": SCHEMA_VERSION,
        "counted_by": "estimate" if any(t.expected.estimated for t in turns) else "engine",
        "sessions": len({t.expected.session_id for t in turns}),
        "turns": len(turns),
        "prompt_tokens": sum(t.depth_tokens or 0 for t in turns),
        "before_tokens": sum(t.expected.before_tokens for t in turns),
        "ideal_tokens": sum(t.expected.ideal_tokens for t in turns),
        "reused_tokens": _reused(turns),
        "lost_s": round(sum(known), 4) if known or not causes else None,
        "causes": causes,
        "time": in_time.to_json(),
        "cost": None if cost is None else cost.to_json(),
        "off_turns": sum(_is_off(t) for t in turns),
    }


def _reused(turns: Iterable[Explained]) -> int | None:
    told = [t.reused_tokens for t in turns if t.reused_tokens is not None]
    return sum(told) if told else None


def _is_off(turn: Explained) -> bool:
    depth = turn.depth_tokens
    return depth is not None and abs(turn.expected.counted_tokens - depth) > FAR_OFF * depth


def _causes(turns: Iterable[Explained]) -> list[dict[str, Any]]:
    found: dict[Cause, list[Loss]] = {}
    for turn in turns:
        for loss in turn.losses:
            found.setdefault(loss.cause, []).append(loss)
    rows = [_cause(cause, losses) for cause, losses in found.items()]
    return sorted(rows, key=lambda row: (-(row["seconds"] or 0.0), -row["tokens"]))


def _cause(cause: Cause, losses: Sequence[Loss]) -> dict[str, Any]:
    worst = max(losses, key=lambda loss: loss.tokens)
    seconds = [loss.seconds for loss in losses if loss.seconds is not None]
    return {
        "cause": cause.value,
        "words": ADVICE[cause].words,
        "remedy": ADVICE[cause].remedy,
        "turns": len(losses),
        "tokens": sum(loss.tokens for loss in losses),
        "seconds": round(sum(seconds), 4) if seconds else None,
        "worst_tokens": worst.tokens,
        "worst_detail": worst.detail,
    }


def causes_in(summary: Mapping[str, Any]) -> dict[Cause, int]:
    """Tokens lost by cause, of a `summarize` answer."""
    return {Cause(row["cause"]): int(row["tokens"]) for row in summary["causes"]}
