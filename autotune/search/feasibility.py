"""What is not worth launching: refused combinations, too little memory or room, known failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.model_setting import MODEL
from autotune.models.engine_memory import MemoryModel, memory_model
from autotune.models.estimate import Demand, Limits, MemoryEstimate
from autotune.models.info import ModelInfo
from autotune.models.memory_order import MemoryOrder
from autotune.search.ledger import COMPLETE, INFEASIBLE, STOPPED, Entry
from autotune.search.lessons import Lessons
from autotune.search.room import CONTEXT_CONCEPT, session_room
from autotune.search.space import Parameter, Space, is_forbidden, to_settings

__all__ = ["Demand", "Feasibility", "Limits", "MemoryEstimate"]

Settings = Mapping[str, Setting]

SPECULATION = "speculation"

GROWING = frozenset({"batch size", CONTEXT_CONCEPT, "cache slots"})
"""Concepts whose numbers take more memory the greater they are, whatever the engine."""


@dataclass(slots=True)
class Feasibility:
    """Decides before a launch, and learns from what was launched.

    `model` is ``None`` for engines whose memory is not known beforehand; which engine it is, the
    space says. `demand` is what the workload fills caches with, where it is known. `other_models`
    are by their paths, where the file is searched too.
    """

    space: Space
    model: ModelInfo | None
    limits: Limits
    gpu: bool
    demand: Demand | None = None
    other_models: Mapping[str, ModelInfo] = field(default_factory=dict)
    lessons: Lessons = field(default_factory=Lessons)

    def refusal(self, candidate: Candidate) -> Failure | None:
        """Why `candidate` must not be launched, or ``None``."""
        return self.too_short(candidate) or self.unlaunchable(candidate)

    def unlaunchable(self, candidate: Candidate) -> Failure | None:
        """Why it would not start or not last, whatever the workload; ``None`` where it would."""
        settings = candidate.settings
        if is_forbidden(self.space, settings):
            return Failure(FailureKind.BAD_FLAG, "the engine refuses this combination of settings")
        learnt = self.lessons.refusal(
            settings,
            order=self._order,
            room=session_room(self.space, settings),
            default=to_settings(self.space, self.space.defaults),
        )
        if learnt is not None:
            return learnt
        reason = self._shortage(settings)
        return None if reason is None else Failure(FailureKind.OUT_OF_MEMORY, reason)

    def too_short(self, candidate: Candidate) -> Failure | None:
        """Why the workload's deepest turn has no room in one session; ``None`` where it has."""
        room = session_room(self.space, candidate.settings)
        need = 0 if self.demand is None else max(self.demand.session_tokens, default=0)
        if room is None or room >= need:
            return None
        words = f"a session has room for {room} tokens, the deepest turn with its reply has {need}"
        return Failure(FailureKind.CONTEXT_OVERFLOW, words)

    def learn(
        self, candidate: Candidate, failure: Failure | None, trial: int | None = None
    ) -> None:
        """What a launch of `candidate` showed: a `failure`, or that it runs. See `Lessons`.

        `trial` is its number, where it was one.
        """
        settings = candidate.settings
        room = session_room(self.space, settings)
        if failure is None:
            self.lessons.ran(settings, self._order, room)
        else:
            self.lessons.failed(settings, failure, order=self._order, room=room, trial=trial)

    def relearn(self, entries: Iterable[Entry]) -> None:
        """Learn from the trials of a study, in their order; what is known already stays known."""
        for entry in entries:
            if entry.outcome in (COMPLETE, STOPPED):
                self.learn(Candidate(entry.settings), None, entry.number)
            elif entry.outcome == INFEASIBLE and (failure := failure_of(entry)) is not None:
                self.learn(Candidate(entry.settings), failure, entry.number)

    def estimate(self, settings: Settings) -> MemoryEstimate | None:
        """The memory that `settings` take; ``None`` where it cannot be worked out."""
        model = self._served(settings)
        if model is None:
            return None
        try:
            return self._memory.estimate(model, settings, self.gpu, self.demand)
        except UserError:
            return None

    def _served(self, settings: Settings) -> ModelInfo | None:
        """The file that `settings` name, else the model."""
        return self.other_models.get(str(settings.get(MODEL)), self.model)

    @property
    def _memory(self) -> MemoryModel:
        return memory_model(self.space.engine)

    @property
    def _order(self) -> MemoryOrder:
        """The engine's own; of one whose flags mean nothing here, what their concepts say."""
        known = self._memory.order
        return known if known.grows else order_by_concept(self.space)

    def _shortage(self, settings: Settings) -> str | None:
        model = self._served(settings)
        if model is None:
            return None
        try:
            return self._memory.shortage(model, settings, self.limits, self.gpu, self.demand)
        except UserError:  # the engine will say so itself
            return None


def order_by_concept(space: Space) -> MemoryOrder:
    """What the concepts of its parameters say of an engine that nothing else is known of."""
    return MemoryOrder(
        grows=tuple(p.name for p in space.parameters if p.concept in GROWING and _is_amount(p)),
        harmless=frozenset(p.name for p in space.parameters if p.concept == "threads"),
        extras={
            p.name: (str(p.default).lower(), tuple(children))
            for p in space.parameters
            if (children := [c.name for c in space.parameters if _is_part(c, p)])
        },
    )


def _is_part(child: Parameter, parent: Parameter) -> bool:
    """Whether `child` says how something is done that the default of `parent` does without."""
    values = child.requires.get(parent.name, ())
    return bool(values) and parent.default not in values and parent.concept == SPECULATION


def _is_amount(parameter: Parameter) -> bool:
    numbers = (c for c in parameter.choices if isinstance(c, int | float))
    return parameter.ordered and len(list(numbers)) == len(parameter.choices)


def failure_of(entry: Entry) -> Failure | None:
    """Why a trial failed, as its launch said; ``None`` where that is no kind of failure."""
    if entry.failure is None or entry.failure not in {kind.value for kind in FailureKind}:
        return None
    said = entry.failure_facts
    return Failure(
        FailureKind(entry.failure),
        entry.reason or "",
        str(said.get("evidence", "")),
        {str(name): int(most) for name, most in said.get("bound", {}).items()},
        tuple(said.get("settings", ())),
    )


def failure_facts(failure: Failure | None) -> dict[str, object]:
    """What a trial keeps of its failure beside its kind and message; empty without one."""
    if failure is None:
        return {}
    bound, names = dict(failure.bound), list(failure.settings)
    return {"evidence": failure.evidence, "bound": bound, "settings": names}
