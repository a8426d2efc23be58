"""Agent sessions for simulated studies, made by the synthesizer: deep, and always the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.workload.digest import session_key, workload_digest
from autotune.workload.model import Workload
from autotune.workload.synthesize import SynthesisSpec, synthesize


@dataclass(frozen=True, slots=True)
class SimulatedWork:
    """What a combination's agents do; numbers are tokens, estimated.

    `history` and `order` are those of a run's defaults; `concurrency` agents work at once.
    """

    sessions: int
    turns: int
    depth: int
    start_depth: int = 8_000
    reply_tokens: int = 160
    subagents: int = 0
    concurrency: int = 1
    order: Order = Order.INTERLEAVED
    seed: int = 0


@cache
def workload_of(work: SimulatedWork) -> Workload:
    """The sessions. Made once; a second call costs nothing."""
    spec = SynthesisSpec(
        sessions=work.sessions,
        turns=work.turns,
        start_depth=work.start_depth,
        depth=work.depth,
        reply_tokens=work.reply_tokens,
        subagents=work.subagents,
        seed=work.seed,
    )
    sessions = tuple(synthesize(spec))
    return Workload(sessions, workload_digest(map(session_key, sessions)), formats=("synthetic",))


@cache
def whole_plan(work: SimulatedWork) -> ReplayPlan:
    """Every turn of the workload as a run would replay it."""
    return make_plan(
        workload_of(work),
        history=History.CLOSED_LOOP,
        order=work.order,
        concurrency=work.concurrency,
        max_output_tokens=None,
        default_output_tokens=128,
    )
