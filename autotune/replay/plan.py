"""The order in which turns are replayed: worked out once, the same for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autotune.workload.model import Turn


class History(StrEnum):
    """What earlier replies a prompt carries.

    ``closed-loop``: what the engine itself generated, as in life, so its own tokens are cached.
    ``recorded``: the capture's own replies, byte for byte, so every prompt is reproducible.
    """

    CLOSED_LOOP = "closed-loop"
    RECORDED = "recorded"


class Order(StrEnum):
    """How sessions are laid against each other."""

    INTERLEAVED = "interleaved"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """One request of a plan: `order` counts from 0, `output_tokens` is the pinned reply length."""

    order: int
    turn: Turn
    output_tokens: int


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What every candidate is given: the same turns, order, lengths and history.

    `concurrency` sessions at most are in flight at once; turns of one session never overlap.
    `digest` names the plan, so that a resumed study is compared with what it measured.

    The first `probe_turns` are asked ahead of the plan, of sessions of their own: all of them have
    ended before the rest begins, and nothing that is asked after a replay is about them.
    """

    turns: tuple[PlannedTurn, ...]
    history: History
    concurrency: int
    digest: str
    probe_turns: int = 0

    @property
    def session_ids(self) -> tuple[str, ...]:
        """Sessions in the order of their first turn."""
        return tuple(dict.fromkeys(p.turn.session_id for p in self.turns))
