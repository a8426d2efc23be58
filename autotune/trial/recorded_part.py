"""Part of a recorded replay, answered from the records of all of it.

What is estimated here, and how:

* **Load, warm-up and stop** cost what they did: a part is replayed on a launch of its own.
* **A session that begins in its middle** (or leaves turns out) has nothing of those turns in the
  cache: what its first turn took from the cache is prefilled, at the rate at which this very
  configuration prefilled the coldest turn that it was recorded on. That is charged to the turn, in
  its time to the first token, as on an engine.
* **A rung's copy of a session** (``edit-0~deep``, see `search.rungs`) is answered by the launch in
  which it was recorded, where there is one, else as the session that it is a copy of, begun in the
  middle.
* **Shorter replies** take the seconds of their tokens at the turn's own decode rate.

Turns of other sessions that share a prefix, or push each other out of the cache, are not modelled:
what a session finds in the cache is what it found when all sessions were replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.trial.recorded_turn import cached_tokens, primed, shorter

TurnKey = tuple[str, int]


def keys_of(plan: ReplayPlan) -> tuple[TurnKey, ...]:
    """(session, turn) of every turn of `plan`, in order."""
    return tuple((p.turn.session_id, p.turn.index) for p in plan.turns)


def lengths_of(plan: ReplayPlan) -> tuple[int, ...]:
    """How long the reply of every turn of `plan` is, in tokens, in order."""
    return tuple(p.output_tokens for p in plan.turns)


def record_key(record: TurnRecord) -> TurnKey:
    """Which turn `record` is of."""
    return (record.session_id, record.turn)


def part_of(
    records: Sequence[TurnRecord],
    plan: ReplayPlan,
    rungs: Sequence[Sequence[TurnRecord]] = (),
) -> tuple[TurnRecord, ...]:
    """The turns of `plan` as `records` of a longer plan tell them; see the top of this module.

    Turns that `records` have not are looked for in the launches of `rungs`. Raises `UserError` for
    a turn that was not recorded.
    """
    launches = [_Launch(records), *map(_Launch, rungs)]
    rate = prefill_s_a_token(records)
    before: dict[str, TurnRecord] = {}
    told = []
    for planned in plan.turns:
        session = planned.turn.session_id
        launch, found = _recorded(launches, planned)
        kept = launch.still_cached(found, before.get(session))
        gone = (cached_tokens(found) or 0) - kept
        told.append(_as_planned(primed(found, gone, rate), planned))
        before[session] = found
    return tuple(told)


class _Launch:
    """The records of one launch, to be found by their turn."""

    def __init__(self, records: Sequence[TurnRecord]) -> None:
        self._records = sorted(records, key=lambda r: r.order)
        self._by_key = {record_key(r): r for r in records}

    def get(self, key: TurnKey) -> TurnRecord | None:
        return self._by_key.get(key)

    def still_cached(self, record: TurnRecord, previous: TurnRecord | None) -> int:
        """What `record` found in the cache that is there when only `previous` came before it."""
        cached = cached_tokens(record) or 0
        if self._turn_before(record) is previous:
            return cached
        if previous is None:
            return 0
        return min(cached, (previous.depth_tokens or 0) + (previous.output_tokens or 0))

    def _turn_before(self, record: TurnRecord) -> TurnRecord | None:
        mine = [r for r in self._records if r.session_id == record.session_id]
        at = mine.index(record)
        return mine[at - 1] if at else None


def _recorded(launches: Sequence[_Launch], planned: PlannedTurn) -> tuple[_Launch, TurnRecord]:
    """The turn itself, else the turn of the session that it is a copy of."""
    key = (planned.turn.session_id, planned.turn.index)
    for name in (key, original(key)):
        for launch in launches:
            if (found := launch.get(name)) is not None:
                return launch, found
    raise UserError(
        f"the recording has no turn {key[1]} of session {key[0]}",
        "replay the workload that was recorded, or a part of it",
    )


def original(key: TurnKey) -> TurnKey:
    """The turn that a rung's copy of it stands for: ``edit-0~deep`` is of ``edit-0``."""
    return (key[0].rpartition("~")[0] or key[0], key[1])


def _as_planned(record: TurnRecord, planned: PlannedTurn) -> TurnRecord:
    cut = shorter(record, planned.output_tokens)
    return replace(cut, order=planned.order, session_id=planned.turn.session_id)


def prefill_s_a_token(records: Sequence[TurnRecord]) -> float:
    """Seconds for a token of prompt, by the turn that computed most; 0 where nothing is told."""
    told = [(r.computed_tokens, r.ttft_s) for r in records if r.computed_tokens and r.ttft_s]
    if not told:
        return 0.0
    tokens, seconds = max(told)
    return seconds / tokens
