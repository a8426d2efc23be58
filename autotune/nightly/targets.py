"""What is kept tuned: one engine with one model on one GPU, and everything around its nights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from autotune.export.options import ExportOptions
from autotune.nightly.hooks import NO_HOOKS, Hooks
from autotune.nightly.idle import IdleRule
from autotune.nightly.notify import NotifySettings
from autotune.nightly.places import Place, export_names
from autotune.nightly.prune import MIB, PruneRule, state_folder
from autotune.search.request import RunRequest

DAY_S = 86_400.0
USUAL_KEEP = PruneRule(studies=7, nights=60, log_bytes=256 * MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file that the live config is kept in. `format` is one of ``autotune export``.

    Without `link` it is a copy, for programs that do not follow links.
    """

    format: str
    path: Path
    options: ExportOptions = field(default_factory=ExportOptions)
    link: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRule:
    """Where what serves is asked whether it serves what was exported.

    `model` is what requests call it, where the engine or its proxy has a name of its own for it.
    `key_env` names the variable with the key that requests need.
    """

    url: str
    model: str | None = None
    key_env: str | None = None
    start_s: float | None = None
    settle_s: float | None = None

    def headers(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What requests carry besides their body."""
        key = "" if self.key_env is None else environ.get(self.key_env, "").strip()
        return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRule:
    """Which sessions of a folder that grows are replayed.

    `most` are the newest, ``None`` for all; what ended more than `max_age_s` before the newest one
    ages out. What is new waits until it is at least `share` of what is replayed: one more session
    is no reason to tune again.
    """

    most: int | None = 60
    max_age_s: float | None = 30 * DAY_S
    share: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryRule:
    """How many turns are scored, and after how many nights without one it is time; 0 is never."""

    turns: int = 8
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target.

    `request` is what a retune asks for; its model may be a folder that newer models appear in (see
    `newest_model`), and its study is each night's own. `keep_generations` counts configs to roll
    back to.
    """

    name: str
    request: RunRequest
    exports: tuple[Export, ...] = ()
    hooks: Hooks = NO_HOOKS
    health: HealthRule | None = None
    notify: NotifySettings = field(default_factory=NotifySettings)
    idle: IdleRule = field(default_factory=IdleRule)
    keep: PruneRule = USUAL_KEEP
    keep_generations: int = 10
    sessions: WorkloadRule = field(default_factory=WorkloadRule)
    canary: CanaryRule = field(default_factory=CanaryRule)

    @property
    def state(self) -> Path:
        """The folder of everything that nights of this target keep."""
        return state_folder(self.request.studies_dir, self.name)

    @property
    def model(self) -> Path:
        """The model, or the folder that models appear in, as it is written."""
        assert self.request.model is not None
        return self.request.model

    @property
    def workload(self) -> Path:
        """The captures: a folder that grows."""
        return self.request.workload

    @property
    def budget_s(self) -> float | None:
        """Wall time of one retune."""
        return self.request.effective_budget_s

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the exported files are wanted."""
        names = export_names(export.path for export in self.exports)
        rows = zip(self.exports, names, strict=True)
        return tuple(Place(export.path, name, export.link) for export, name in rows)

    def asking(
        self, *, model: Path, workload: Path, study: str, incumbent: Path | None = None
    ) -> RunRequest:
        """The request of one night's retune: for this model and these sessions.

        `incumbent` is the live config's file; without one nothing has to be beaten but the default.
        """
        return replace(
            self.request, model=model, workload=workload, study=study, incumbent=incumbent
        )
