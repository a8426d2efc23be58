"""What a night of a target would do if it began now. Starts nothing and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autotune.hardware.select import select_gpu
from autotune.nightly.decide import Decision
from autotune.nightly.fingerprint import look_at
from autotune.nightly.generations import Generation, Generations
from autotune.nightly.gpu_lock import Holder, gpu_holder
from autotune.nightly.idle import Busy, idle
from autotune.nightly.journal import Journal
from autotune.nightly.night_tools import NightTools
from autotune.nightly.night_work import NightAsk, decided
from autotune.nightly.settled import read_settled
from autotune.nightly.target_site import eyes_of
from autotune.nightly.targets import Target
from autotune.search.setup import CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """`busy` is why it would wait or be skipped now, `holder` another night on the same card.

    `unfinished` are steps that an earlier night left open, which come first.
    """

    target: str
    decision: Decision
    live: Generation | None
    model: str
    engine: str
    sessions: int
    budget_s: float | None
    busy: str | None
    holder: Holder | None
    unfinished: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "target": self.target,
            "decision": self.decision.action.value,
            "reasons": self.decision.reasons,
            "live": None if self.live is None else self.live.number,
            "model": self.model,
            "engine": self.engine,
            "sessions": self.sessions,
            "budget_s": self.budget_s if self.decision.tunes else None,
            "busy": self.busy,
            "held_by": self.holder,
            "unfinished": self.unfinished,
        }


def planned(target: Target, tools: NightTools, ask: NightAsk) -> Planned:
    """Looks at everything that a night looks at. Raises what it raises."""
    gpu = select_gpu(target.request.gpu, tools.probe.gpus())
    settled = read_settled(target.state)
    live = Generations(target.state).live()
    kept = None if settled is None else settled.sessions
    seen = look_at(target, tools.probe, tools.caches, kept=kept, now=tools.now())
    found = idle(tools.look(eyes_of(target, gpu, tools.probe)), target.idle)
    open_steps = Journal(target.state / "journal.jsonl").open_steps()
    return Planned(
        target=target.name,
        decision=decided(target, seen, settled, live, force=ask.force),
        live=live,
        model=seen.model.name,
        engine=f"{seen.build.engine} {seen.build.version}",
        sessions=len(seen.workload.sessions),
        budget_s=target.request.effective_budget_s,
        busy=found.reason if isinstance(found, Busy) and not ask.now else None,
        holder=gpu_holder(CPU if gpu is None else gpu.uuid, tools.locks),
        unfinished=tuple(dict.fromkeys(step.kind for step in open_steps)),
    )
