"""What a person asked for: one frozen request, resolved from flags, environment and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.candidate import Setting
from autotune.scoring.quality import POSITIONS, Threshold

DEFAULT_BUDGET_S = 1800.0
"""Used when neither a budget nor a number of trials is given."""


DEFAULT_HEADROOM = 0.1
"""Of the workload's deepest turn: sessions to come are a little deeper than those captured."""

DEFAULT_ANCHOR_EVERY = 5
"""Trials between two looks at whether the machine is still the one it was."""

DEFAULT_CONFIRM_BLOCKS = 3
"""Enough for every arm to go first and last once, and for one bad block to show."""


KEEP, GUARD, ANY = "keep", "guard", "any"
"""Settings that can change the output: kept at their defaults, searched under the guard, searched
without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One ``autotune run``. Durations in seconds, depths in tokens as the engine counts them.

    `pins` are what ``--set`` says, which may be several values to choose from, `fixes` what
    ``--fix`` says, `tables` the ``[space.parameters]`` of a file: `run_space` reads them.
    `effects` says whether the winner's changes are measured one by one. `headroom` is what
    a config must hold beyond the deepest turn, as a share of it; `hold` says
    whether the winner is filled that far before it is recommended. Where the host is divided among
    several workers, `host_bytes` is how much of its memory this one's engine may take, and
    `partners` are process ids above the others.
    """

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
    quality: str = KEEP
    also_model: tuple[Path, ...] = ()
    quality_positions: int = POSITIONS
    max_kl_p99: float = Threshold().max_kl_p99
    min_top1: float = Threshold().min_top1
    min_calls_kept: float = Threshold().min_calls
    max_depth: int | None = None
    max_sessions: int | None = None
    sample: str = "auto"
    max_output_tokens: int | None = None
    min_context: int | None = None
    confirm_blocks: int | None = None
    pins: Mapping[str, Setting] = field(default_factory=dict)
    fixes: Mapping[str, Setting] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    incumbent: Path | None = None
    usual_chart: bool = True
    anchor_every: int = DEFAULT_ANCHOR_EVERY
    noise_cache: Path | None = None
    hold: bool = True
    effects: bool = True
    ladder: bool = True
    warm_start: bool = True
    early_stop: bool = True
    headroom: float = DEFAULT_HEADROOM
    host_bytes: int | None = None
    partners: tuple[int, ...] = ()

    @property
    def searches_quality(self) -> bool:
        """Whether settings that can change the output are searched."""
        return self.allow_quality_change or self.quality != KEEP

    @property
    def guards_quality(self) -> bool:
        """Whether they are searched under the guard; other files of the model always are."""
        return (self.searches_quality or bool(self.also_model)) and self.quality != ANY

    @property
    def assumed_gpu(self) -> str | None:
        """The GPU that is planned for although it is not here; ``None`` for one that is."""
        return self.gpu if self.assume_gpu else None

    @property
    def effective_confirm_blocks(self) -> int:
        """Repetitions of each arm in the confirmation."""
        return DEFAULT_CONFIRM_BLOCKS if self.confirm_blocks is None else self.confirm_blocks

    @property
    def further_blocks(self) -> int:
        """Repetitions that are added to an open verdict; none where their number was said."""
        return DEFAULT_CONFIRM_BLOCKS if self.confirm_blocks is None else 0

    @property
    def effective_budget_s(self) -> float | None:
        """The budget kept: the default one when nothing else bounds the search."""
        if self.budget_s is None and self.trials is None:
            return DEFAULT_BUDGET_S
        return self.budget_s
