"""What is not worth launching: refused combinations, too little memory, neighbours of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.model_setting import MODEL
from autotune.models.engine_memory import MemoryModel, memory_model
from autotune.models.estimate import Demand, Limits, MemoryEstimate
from autotune.models.info import ModelInfo
from autotune.search.space import Space, is_forbidden

__all__ = ["Demand", "Feasibility", "Limits", "MemoryEstimate"]

Settings = Mapping[str, Setting]


@dataclass(slots=True)
class Feasibility:
    """Decides before a launch, and learns from those that ran out of memory.

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
    _too_large: list[Settings] = field(default_factory=list)
    _bounds: list[tuple[Settings, Mapping[str, int]]] = field(default_factory=list)

    def refusal(self, candidate: Candidate) -> Failure | None:
        """Why `candidate` must not be launched, or ``None``."""
        settings = candidate.settings
        if is_forbidden(self.space, settings):
            return Failure(FailureKind.BAD_FLAG, "the engine refuses this combination of settings")
        reason = self._learned(settings) or self._shortage(settings)
        return None if reason is None else Failure(FailureKind.OUT_OF_MEMORY, reason)

    def learn(self, candidate: Candidate, failure: Failure | None) -> None:
        """Remember settings that ran out of memory: what asks for more will too.

        Where the engine said how far a setting could have gone, more than that is out as well.
        """
        if failure is None or failure.kind is not FailureKind.OUT_OF_MEMORY:
            return
        self._too_large.append(candidate.settings)
        if failure.bound:
            self._bounds.append((candidate.settings, failure.bound))

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

    def _shortage(self, settings: Settings) -> str | None:
        model = self._served(settings)
        if model is None:
            return None
        try:
            return self._memory.shortage(model, settings, self.limits, self.gpu, self.demand)
        except UserError:  # the engine will say so itself
            return None

    def _learned(self, settings: Settings) -> str | None:
        if any(_at_least(self._memory, settings, known) for known in self._too_large):
            return "asks for no less than a config that ran out of memory"
        for known, bound in self._bounds:
            for name, most in bound.items():
                if _number(settings.get(name)) > most and _at_least(
                    self._memory, settings, known, but=name
                ):
                    return f"{name} above {most}: the engine said that no more fits"
        return None


def _at_least(memory: MemoryModel, settings: Settings, known: Settings, but: str = "") -> bool:
    """Whether `settings` ask for at least what `known` did, and differ in nothing that matters.

    `but` is a flag that is not compared.
    """
    others = {*settings, *known} - {*memory.grows, *memory.harmless, but}
    if any(settings.get(n) != known.get(n) for n in others):
        return False
    grows = [name for name in memory.grows if name != but]
    return all(_number(settings.get(n)) >= _number(known.get(n)) for n in grows)


def _number(value: Setting | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
