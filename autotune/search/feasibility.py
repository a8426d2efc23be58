"""What is not worth launching: refused combinations, too little memory, neighbours of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.models.kv_memory import MemoryEstimate, estimate
from autotune.models.metadata import ModelInfo
from autotune.search.space import Space, is_forbidden

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory that a server may take. ``None`` is unknown, and refuses nothing.

    `both_bytes` is of the GPU and the host together, where they share one memory.
    """

    device_bytes: int | None
    host_bytes: int | None
    both_bytes: int | None = None


@dataclass(slots=True)
class Feasibility:
    """Decides before a launch, and learns from those that ran out of memory.

    `model` is ``None`` for engines whose memory is not known beforehand. The estimate is a lower
    bound, so it rules out and never in.
    """

    space: Space
    model: ModelInfo | None
    limits: Limits
    gpu: bool
    _too_large: list[Mapping[str, Setting]] = field(default_factory=list)

    def refusal(self, candidate: Candidate) -> Failure | None:
        """Why `candidate` must not be launched, or ``None``."""
        settings = candidate.settings
        if is_forbidden(self.space, settings):
            return Failure(FailureKind.BAD_FLAG, "the engine refuses this combination of settings")
        if any(_at_least(settings, known) for known in self._too_large):
            return Failure(
                FailureKind.OUT_OF_MEMORY, "asks for no less than a config that ran out of memory"
            )
        return self._over_memory(settings)

    def learn(self, candidate: Candidate, failure: Failure | None) -> None:
        """Remember settings that ran out of memory: what asks for more will too."""
        if failure is not None and failure.kind is FailureKind.OUT_OF_MEMORY:
            self._too_large.append(candidate.settings)

    def estimate(self, settings: Mapping[str, Setting]) -> MemoryEstimate | None:
        """The least memory `settings` take; ``None`` where it cannot be worked out."""
        if self.model is None:
            return None
        try:
            return estimate(self.model, settings, gpu=self.gpu)
        except UserError:
            return None

    def _over_memory(self, settings: Mapping[str, Setting]) -> Failure | None:
        need = self.estimate(settings)
        if need is None:
            return None
        pairs = (
            ("GPU", need.device_bytes, self.limits.device_bytes),
            ("host", need.host_bytes, self.limits.host_bytes),
            ("shared", need.device_bytes + need.host_bytes, self.limits.both_bytes),
        )
        for where, asked, limit in pairs:
            if limit is not None and asked > limit:
                text = f"needs {asked / GIB:.1f} GiB of {where} memory, {limit / GIB:.1f} are there"
                return Failure(FailureKind.OUT_OF_MEMORY, text)
        return None


_GROWS = ("ctx-size", "ubatch-size", "batch-size", "parallel")
"""Flags of which more needs no less memory, everything else equal."""


def _at_least(settings: Mapping[str, Setting], known: Mapping[str, Setting]) -> bool:
    """Whether `settings` ask for at least what `known` did, and differ in nothing that matters.

    For an engine whose flags are called otherwise nothing is known to grow: only the same again.
    """
    if not any(name in known for name in _GROWS):
        return settings == known
    if any(settings.get(n) != known.get(n) for n in _MEMORY_WORDS):
        return False
    return all(_number(settings.get(n)) >= _number(known.get(n)) for n in _GROWS)


_MEMORY_WORDS = (
    "cache-type-k", "cache-type-v", "flash-attn", "kv-unified", "swa-full", "n-gpu-layers",
    "kv-offload", "spec-type",
)  # fmt: skip


def _number(value: Setting | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
