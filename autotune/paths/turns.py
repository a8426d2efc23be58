"""From captures to the turns that every path of a table is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.paths.estimate import prompt_tokens
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.search.sampling import Expected, SampleWish, load_sample
from autotune.trial.true_depth import find_true_depth
from autotune.workload.depth import session_depths
from autotune.workload.load import workload_of
from autotune.workload.model import Session, Workload
from autotune.workload.padding import can_be_padded, pad_sessions
from autotune.workload.select import Selection, SelectionNotes, select

DEFAULT_OUTPUT_TOKENS = 128
"""The length of replies that no capture recorded, as in a study."""

_ANY_SPEED = Expected(prefill_tps=1000.0, decode_tps=50.0)
"""Not looked at: nothing is drawn by time here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnsRequest:
    """Which turns, and how they are laid out."""

    workload: Path
    history: History = History.RECORDED
    order: Order = Order.INTERLEAVED
    concurrency: int = 1
    max_depth: int | None = None
    max_sessions: int | None = None
    max_turns: int | None = None
    max_output_tokens: int | None = None

    def fingerprint(self, digest: str, redacted: bool) -> str:
        """Eight digits that name these turns of the captures with this digest."""
        words: dict[str, Any] = {
            "digest": digest,
            "redacted": redacted,
            "history": self.history.value,
            "order": self.order.value,
            "concurrency": self.concurrency,
            "most": [self.max_depth, self.max_sessions, self.max_turns, self.max_output_tokens],
        }
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Turns:
    """A plan, and for each of its turns how deep it was recorded, or is estimated to be."""

    plan: ReplayPlan
    depths: Mapping[tuple[str, int], int]
    notes: tuple[str, ...] = ()


def load(request: TurnsRequest, path: Path | None = None) -> Workload:
    """The sessions at `path`, or where the request says. Raises `UserError` when there are none."""
    wish = SampleWish(most=request.max_sessions)
    return load_sample(path or request.workload, _ANY_SPEED, wish).workload


def lay_out(request: TurnsRequest, workload: Workload) -> Turns:
    """The turns to replay, rebuilt transcripts brought to their recorded depth by an estimate.

    Raises `UserError` when nothing is left within the limits.
    """
    limits = Selection(max_depth=request.max_depth, max_turns=request.max_turns)
    chosen, told = select(workload, limits)
    sessions = _padded(request, chosen)
    plan = _plan(request, workload_of(sessions, like=chosen))
    depths = {
        (turn.session_id, turn.index): depth.tokens
        for session in sessions
        for turn, depth in zip(session.turns, session_depths(session), strict=True)
    }
    return Turns(plan, depths, _notes(told, sessions))


def _plan(request: TurnsRequest, workload: Workload) -> ReplayPlan:
    return make_plan(
        workload,
        history=request.history,
        order=request.order,
        concurrency=request.concurrency,
        max_output_tokens=request.max_output_tokens,
        default_output_tokens=DEFAULT_OUTPUT_TOKENS,
    )


def _padded(request: TurnsRequest, workload: Workload) -> Sequence[Session]:
    """Sessions with filler where their capture lacks text, the same for every path."""
    if not any(map(can_be_padded, workload.sessions)):
        return workload.sessions
    planned = _plan(request, workload).turns
    lengths = {(p.turn.session_id, p.turn.index): p.output_tokens for p in planned}
    found = find_true_depth(
        workload.sessions, lengths, request.history, Rendering.NATIVE, prompt_tokens
    )
    return pad_sessions(workload.sessions, found.pads)


def _notes(told: SelectionNotes, sessions: Sequence[Session]) -> tuple[str, ...]:
    notes = []
    cut = told.unreachable_turns + told.turns_over_limit
    if cut:
        notes.append(f"{cut} turns lie beyond the limits given")
    padded = sum(any(t.fidelity.pad_tokens for t in s.turns) for s in sessions)
    if padded:
        notes.append(
            f"{padded} of {len(sessions)} sessions are padded to their recorded depth with filler, "
            "by an estimate of tokens"
        )
    return tuple(notes)


def left_of(plan: ReplayPlan, keys: frozenset[tuple[str, int]]) -> ReplayPlan:
    """`plan` with nothing but the turns named by `keys`; their places in the order stay."""
    kept = tuple(p for p in plan.turns if (p.turn.session_id, p.turn.index) in keys)
    return replace(plan, turns=kept)
