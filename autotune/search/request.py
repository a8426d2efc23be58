"""What a person asked for: one frozen request, resolved from flags, environment and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autotune.candidate import Setting

DEFAULT_BUDGET_S = 1800.0
"""Used when neither a budget nor a number of trials is given."""


DEFAULT_CONFIRM_BLOCKS = 3
"""Enough for every arm to go first and last once, and for one bad block to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One ``autotune run``. Durations in seconds, depths in tokens as the engine counts them."""

    workload: Path
    gpu: str = "auto"
    engine: str = "auto"
    engine_path: Path | None = None
    model: Path | None = None
    budget_s: float | None = None
    trials: int | None = None
    depth: str | None = None
    objective: str = "turn"
    history: str = "closed-loop"
    order: str = "interleaved"
    concurrency: int = 1
    study: str | None = None
    studies_dir: Path = Path("studies")
    new_study: bool = False
    dry_run: bool = False
    assume_gpu: bool = False
    allow_busy: bool = False
    seed: int = 0
    allow_quality_change: bool = False
    max_depth: int | None = None
    max_sessions: int | None = None
    sample: str = "auto"
    max_output_tokens: int | None = None
    min_context: int | None = None
    confirm_blocks: int | None = None
    pins: Mapping[str, Setting] = field(default_factory=dict)
    incumbent: Path | None = None
    usual_chart: bool = True

    @property
    def assumed_gpu(self) -> str | None:
        """The GPU that is planned for although it is not here; ``None`` for one that is."""
        return self.gpu if self.assume_gpu else None

    @property
    def effective_confirm_blocks(self) -> int:
        """Repetitions of each arm in the confirmation."""
        return DEFAULT_CONFIRM_BLOCKS if self.confirm_blocks is None else self.confirm_blocks

    @property
    def effective_budget_s(self) -> float | None:
        """The budget kept: the default one when nothing else bounds the search."""
        if self.budget_s is None and self.trials is None:
            return DEFAULT_BUDGET_S
        return self.budget_s
