"""One ``autotune compare``, resolved: which arms, over what, and when it is enough."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autotune.errors import UserError
from autotune.launchers.protocol import CacheArm
from autotune.paths.spec import AttachedPath, LaunchedPath, ServingPath
from autotune.replay.plan import History
from autotune.search.request import RunRequest
from autotune.search.setup import slug

DEFAULT_UNTIL = 0.05
METRICS = {"turn": "turn_s", "ttft": "ttft", "decode": "decode", "wait": "total_wait"}
"""Metrics as a person names them, and as `autotune.scoring.comparison` does."""

_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareArm:
    """One arm. `defaults` is whether its engine runs with its own defaults.

    `cache` and `history` are what the arm itself says; ``None`` leaves them to the comparison.
    """

    name: str
    path: ServingPath
    defaults: bool = False
    cache: CacheArm | None = None
    history: History | None = None

    @property
    def launched(self) -> LaunchedPath | None:
        """The engine to start; ``None`` for an endpoint."""
        return self.path if isinstance(self.path, LaunchedPath) else None

    @property
    def attached(self) -> AttachedPath | None:
        """The endpoint; ``None`` for an engine to start."""
        return self.path if isinstance(self.path, AttachedPath) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """Arms over one workload. The first arm is the baseline.

    Attributes:
        run: what is asked of every engine: workload, GPU, order, limits, seed, `studies_dir`; its
            `study` is the folder's name, ``None`` for one made from what is compared. What it says
            of engine, model and history is each arm's own.
        history: what every arm's prompts carry, where it was said.
        until: the half-width at which an interval is narrow enough, as a share: 0.05 is 5%.
        metrics: those whose intervals have to be, of `METRICS`.
        blocks: repetitions of every arm, at most; ``None`` is as many as the budget holds.
        budget_s: for all of it, what an earlier run of it took included; ``None`` is no limit.
    """

    arms: tuple[CompareArm, ...]
    run: RunRequest
    history: History | None = None
    until: float = DEFAULT_UNTIL
    metrics: tuple[str, ...] = ("ttft", "decode", "wait")
    blocks: int | None = None
    budget_s: float | None = None

    @property
    def name(self) -> str:
        """The folder's name. Raises `UserError` for one that cannot be a folder's."""
        if self.run.study is None:
            stem = slug("-vs-".join(arm.name for arm in self.arms))[:_LONGEST_NAME]
            return f"{stem.strip('-.')}-{self._fingerprint()}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.run.study):
            raise UserError(
                f"{self.run.study!r} cannot name a study",
                "use letters, digits, dots, dashes and underscores",
            )
        return self.run.study

    @property
    def is_cache_experiment(self) -> bool:
        """Whether the arms are one config with its cache on and off, and nothing else."""
        if {arm.cache for arm in self.arms} != set(CacheArm) or len(self.arms) != 2:
            return False
        first, second = self.arms
        same = first.launched is not None and second.launched is not None
        return same and _config(first) == _config(second) and first.history == second.history

    def _fingerprint(self) -> str:
        """Eight digits that name what is compared, apart from how long."""
        run = self.run
        words: dict[str, Any] = {
            "arms": [[arm.name, *_config(arm)] for arm in self.arms],
            "workload": str(run.workload.resolve()),
            "run": [run.gpu, run.order, run.concurrency, run.seed, run.sample],
            "most": [run.max_depth, run.max_sessions, run.max_output_tokens],
            "history": self.history,
        }
        text = json.dumps(words, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _config(arm: CompareArm) -> Sequence[object]:
    """What is measured, apart from cache and history."""
    path = arm.path
    if isinstance(path, AttachedPath):
        return ["attached", path.url, path.model, path.api, path.provider]
    return ["launched", path.engine, str(path.engine_path), str(path.model), dict(path.settings)]
