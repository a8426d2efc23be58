"""Part of a recorded replay, answered from the records of all of it.

What is estimated here, and how:

* **Load, warm-up and stop** cost what they did: a part is replayed on a launch of its own.
* **A session that begins in its middle** (or leaves turns out) has nothing of those turns in the
  cache: what its first turn took from the cache is prefilled, at the rate at which this very
  configuration prefilled the coldest turn that it was recorded on. That is charged to the turn, in
  its time to the first token, as on an engine.
* **Shorter replies** take the seconds of their tokens at the turn's own decode rate.

Turns of other sessions that share a prefix, or push each other out of the cache, are not modelled:
what a session finds in the cache is what it found when all sessions were replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.trial.recorded_turn import cached_tokens, primed, shorter

TurnKey = tuple[str, int]


def keys_of(plan: ReplayPlan) -> tuple[TurnKey, ...]:
    """(session, turn) of every turn of `plan`, in order."""
    return tuple((p.turn.session_id, p.turn.index) for p in plan.turns)


def record_key(record: TurnRecord) -> TurnKey:
    """Which turn `record` is of."""
    return (record.session_id, record.turn)


def part_of(records: Sequence[TurnRecord], plan: ReplayPlan) -> tuple[TurnRecord, ...]:
    """The turns of `plan` as `records` of a longer plan tell them; see the top of this module.

    Raises `UserError` for a turn that was not recorded.
    """
    by_key = {record_key(r): r for r in records}
    rate = prefill_s_a_token(records)
    before: dict[str, TurnRecord] = {}
    told = []
    for planned in plan.turns:
        whole = _recorded(by_key, planned)
        session = whole.session_id
        kept = _still_cached(whole, before.get(session), records)
        gone = (cached_tokens(whole) or 0) - kept
        told.append(_as_planned(primed(whole, gone, rate), planned))
        before[session] = whole
    return tuple(told)


def _recorded(by_key: Mapping[TurnKey, TurnRecord], planned: PlannedTurn) -> TurnRecord:
    key = (planned.turn.session_id, planned.turn.index)
    if key not in by_key:
        raise UserError(
            f"the recording has no turn {key[1]} of session {key[0]}",
            "replay the workload that was recorded, or a part of it",
        )
    return by_key[key]


def _as_planned(record: TurnRecord, planned: PlannedTurn) -> TurnRecord:
    return replace(shorter(record, planned.output_tokens), order=planned.order)


def _still_cached(
    record: TurnRecord, previous: TurnRecord | None, records: Sequence[TurnRecord]
) -> int:
    """How much of what `record` found in the cache is there when only `previous` came before it."""
    cached = cached_tokens(record) or 0
    if _turn_before(record, records) is previous:
        return cached
    if previous is None:
        return 0
    return min(cached, (previous.depth_tokens or 0) + (previous.output_tokens or 0))


def _turn_before(record: TurnRecord, records: Sequence[TurnRecord]) -> TurnRecord | None:
    earlier = [r for r in records if r.session_id == record.session_id and r.order < record.order]
    return max(earlier, key=lambda r: r.order, default=None)


def prefill_s_a_token(records: Sequence[TurnRecord]) -> float:
    """Seconds for a token of prompt, by the turn that computed most; 0 where nothing is told."""
    told = [(r.computed_tokens, r.ttft_s) for r in records if r.computed_tokens and r.ttft_s]
    if not told:
        return 0.0
    tokens, seconds = max(told)
    return seconds / tokens
