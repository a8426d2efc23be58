"""What of a path is measured, and what is left to measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autotune.paths.spending import TurnKey, key_of
from autotune.paths.turns import left_of
from autotune.records import TurnRecord
from autotune.replay.plan import History, ReplayPlan

RESUMED = "resumed"
_FINAL = "context-overflow"
"""A prompt that does not fit will not fit the next time either."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One path. `block` is the repetition under way, `records` are its latest, turn by turn.

    `resumed` are the turns that follow a gap: what their server has cached is not what it would
    have had. `attempt` tells closed-loop runs apart that begin sessions anew.
    """

    block: int
    records: tuple[TurnRecord, ...]
    left: ReplayPlan
    resumed: frozenset[TurnKey]
    attempt: int

    @property
    def done(self) -> int:
        """Turns that need not be sent again."""
        return len({(r.session_id, r.turn) for r in self.records if r.ok})


def progress_of(
    name: str, records: Sequence[TurnRecord], plan: ReplayPlan, *, again: bool = False
) -> Progress:
    """Where path `name` stands. With `again` everything is left, as a new repetition.

    With recorded history a session goes on where it stopped. In closed loop a prompt holds the
    engine's own replies, which are not kept: sessions that are not whole begin anew.
    """
    mine = [r for r in records if r.arm == name]
    last = max((r.block for r in mine), default=0)
    block = last + 1 if again and mine else last
    ran = [r for r in mine if r.block == block]
    latest = {(r.session_id, r.turn): r for r in ran}
    missing = frozenset(key_of(p) for p in plan.turns) - _settled(latest)
    if plan.history is History.CLOSED_LOOP:
        broken = {session for session, _ in missing}
        missing = frozenset(key_of(p) for p in plan.turns if p.turn.session_id in broken)
        return Progress(
            block, tuple(latest.values()), left_of(plan, missing), frozenset(), len(ran)
        )
    left = left_of(plan, missing)
    return Progress(block, tuple(latest.values()), left, _behind_gaps(left, latest), 0)


def _settled(latest: dict[TurnKey, TurnRecord]) -> frozenset[TurnKey]:
    """Good turns, those that do not fit, and what lies behind these in their sessions."""
    full = {r.session_id for r in latest.values() if r.failure == _FINAL}
    return frozenset(
        key
        for key, record in latest.items()
        if record.ok or (record.session_id in full and record.failure in (_FINAL, "unreached"))
    )


def _behind_gaps(left: ReplayPlan, latest: dict[TurnKey, TurnRecord]) -> frozenset[TurnKey]:
    """The first turn that is left of each session that was begun before."""
    begun = {session for (session, _), record in latest.items() if record.ok}
    first: dict[str, TurnKey] = {}
    for planned in left.turns:
        first.setdefault(planned.turn.session_id, key_of(planned))
    return frozenset(key for session, key in first.items() if session in begun)
