"""Captured sessions as a model's own tokenizer counts them, beside what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.replay.probe import CountTokens, probe_rendering
from autotune.replay.rendering import render
from autotune.trial.side_by_side import DepthRow, deepest_turn, side_by_side
from autotune.trial.survey import Survey, surely_counting
from autotune.trial.true_depth import find_true_depth
from autotune.workload.load import workload_of
from autotune.workload.model import Session
from autotune.workload.padding import pad_sessions

_REPLY_TOKENS = 128
"""Where no reply length was recorded; with recorded history no prompt depends on it."""


@dataclass(frozen=True, slots=True)
class CountedSession:
    """One session, counted after the model's chat template.

    `counted_tokens` is what the capture shows of its deepest recorded prompt; `row` is that turn's
    recorded depth, the scale of this session and how deep a run would replay it.
    """

    counted_tokens: int
    row: DepthRow

    @property
    def ratio(self) -> float | None:
        """Counted for each recorded token; ``None`` where nothing was recorded."""
        recorded = self.row.recorded_tokens
        return self.counted_tokens / recorded if recorded else None


@dataclass(slots=True)
class SessionCounter:
    """Counts sessions by asking an engine.

    `count` is a launcher's ``count_tokens`` for a running server.
    """

    count: CountTokens
    _notes: dict[Rendering, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """For each rendering of prompts why it was needed, as the first session showed it."""
        return tuple(self._notes.values())

    def counted(self, session: Session) -> CountedSession:
        """`session`, with a scale of its own.

        Raises `MachineError` when the engine cannot count, `UserError` when the chat template takes
        the prompts in no rendering.
        """
        plan = make_plan(
            workload_of((session,)),
            history=History.RECORDED,
            order=Order.SEQUENTIAL,
            concurrency=1,
            max_output_tokens=None,
            default_output_tokens=_REPLY_TOKENS,
        )
        rendering, notes = probe_rendering(self.count, plan)
        for note in notes:
            self._notes.setdefault(rendering, f"session {session.session_id}: {note}")
        count = surely_counting(self.count, "this engine")
        lengths = {(p.turn.session_id, p.turn.index): p.output_tokens for p in plan.turns}
        found = find_true_depth((session,), lengths, plan.history, rendering, count)
        survey = Survey(found.depths, rendering, (), found.pads, found.scales)
        (row,) = side_by_side(pad_sessions((session,), survey.pads), survey)
        depths = [found.depths[t.session_id, t.index] for t in session.turns]
        turn = session.turns[deepest_turn(session, depths)]
        shown = render(turn.messages, turn.tools, rendering)
        return CountedSession(count(shown.messages, shown.tools), row)
