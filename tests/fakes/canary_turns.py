"""The turns of a canary, of made-up sessions."""

from __future__ import annotations

from autotune.nightly.canary_plan import CanaryTurns
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.workload.load import workload_of
from autotune.workload.model import Session, Turn


def turns_of(scored: int) -> CanaryTurns:
    """One session with a turn to prime and so many more."""
    text = ({"role": "user", "content": "Go on"},)
    turns = tuple(Turn(session_id="a", index=n, messages=text) for n in range(scored + 1))
    plan = make_plan(
        workload_of([Session("a", turns)]), history=History.CLOSED_LOOP, order=Order.SEQUENTIAL,
        concurrency=1, max_output_tokens=2, default_output_tokens=2,
    )  # fmt: skip
    return CanaryTurns(plan, frozenset(("a", n) for n in range(1, scored + 1)))
