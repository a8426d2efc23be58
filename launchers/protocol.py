"""The seam every engine is behind: what autotune asks of an engine, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure
from autotune.launchers.program import FlagUsage

EXPORT_PORT = 8080
"""What an exported command listens on unless it is told otherwise."""


class CacheArm(StrEnum):
    """Whether prefix reuse is on. ``OFF`` is the cold arm of an experiment."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """Which program this is. `flags` are the long flag names (no dashes) that it accepts.

    `usage` is what its help says of each flag, the removed ones too, where that was read.
    `version` is the engine's own version line; `binary_sha256` tells builds apart that report
    the same version.
    """

    engine: str
    path: str
    version: str
    binary_sha256: str
    flags: frozenset[str] = frozenset()
    usage: Mapping[str, FlagUsage] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What a launch needs besides the candidate.

    `work_dir` is private to one launch: HOME and XDG directories are made below it.
    `log_path` receives the engine's stdout and stderr. `trial_id` marks the process's environment
    (``AUTOTUNE_TRIAL``), so that leftovers of a killed autotune are found. `port` is a free port
    that `launch` found, for engines that cannot choose and announce one themselves. `gpu_pin` are
    the variables under which an engine sees the GPU `gpu_uuid` alone; ``None`` for CUDA's.
    """

    model: Path
    work_dir: Path
    log_path: Path
    trial_id: str
    host: str = "127.0.0.1"
    port: int = 0
    gpu_uuid: str | None = None
    gpu_pin: Mapping[str, str] | None = None
    cache_arm: CacheArm = CacheArm.ON
    start_timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What is executed.

    `env` is laid over the few inherited variables (see `environment`). `asked` are the settings a
    read-back must confirm. `base_url` is set when it is known before the engine announces it.
    `inherit` names further variables that are handed through. `files` are written before the
    engine starts, for settings that it takes from nowhere else; all lie in the launch's `work_dir`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    asked: Mapping[str, Setting] = field(default_factory=dict)
    base_url: str | None = None
    inherit: tuple[str, ...] = ()
    files: Mapping[Path, str] = field(default_factory=dict)


@dataclass(slots=True)
class Server:
    """A running engine of ours. `base_url` has no trailing slash and no ``/v1``."""

    process: subprocess.Popen[bytes]
    base_url: str
    spec: LaunchSpec
    context: LaunchContext
    load_s: float = 0.0

    def log_text(self) -> str:
        """The engine's log so far; undecodable bytes are replaced."""
        return self.context.log_path.read_text(encoding="utf-8", errors="replace")


class Launcher(Protocol):
    """One engine. Pure where it can be: `command`, `request_fields` and `failure` touch nothing."""

    name: str
    model_name: str
    """What the ``model`` field of a request must say."""

    @property
    def search_space(self) -> str | None:
        """Name or path of the search space that goes with this engine."""
        ...

    @property
    def cached_tokens_path(self) -> str | None:
        """Dotted path of the cached-token count in a stream; ``None`` for the usual places."""
        ...

    def detect(self) -> EngineBuild:
        """The installed engine. Raises `MachineError` when it is not there or does not run."""
        ...

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed: pure, shown by ``--dry-run``."""
        ...

    def address(self, log_text: str) -> str | None:
        """The base URL that the engine announces in its log, or ``None`` while it has not."""
        ...

    def ready(self, server: Server) -> bool:
        """Whether the engine answers with its own model. Raises `TrialError` when another does."""
        ...

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """The settings that the engine says it runs with, under the candidate's flag names."""
        ...

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Body fields every request carries: fixed output length, cache arm, usage reporting."""
        ...

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """Prompt tokens as the engine counts them after its template; ``None`` if it cannot.

        Raises `TrialError` (``BAD_REPLY``) when the chat template refuses the messages.
        """
        ...

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """Why the process died or would not start, from its log. Always names a kind."""
        ...

    def stop(self, server: Server) -> None:
        """SIGTERM, wait, kill the group. Never raises for a process already gone."""
        ...

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type to serve `candidate` on `context.port`."""
        ...
