"""What an engine that somebody else started says of itself, in its launcher's words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autotune.candidate import Setting
from autotune.errors import AutotuneError
from autotune.export.model import ExportConfig
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.protocol import LaunchContext, Launcher, LaunchSpec, Server
from autotune.launchers.registry import make_launcher


@dataclass(frozen=True, slots=True)
class EngineSays:
    """`own_model` is whether it serves the exported model; `other_model` says which it serves
    instead. `settings` are those that it tells, by flag name. All empty where it tells nothing."""

    own_model: bool = False
    other_model: str | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)


def engine_says(config: ExportConfig, base_url: str) -> EngineSays:
    """Asks the engine at `base_url` as its launcher would; proxies and routers tell nothing."""
    launcher = _launcher(config)
    path = str(config.full_settings.get("model") or config.provenance.model or "")
    if launcher is None or not path or base_url.startswith("https:"):
        return EngineSays()
    server = _server(config, base_url, Path(path))
    try:
        return _asked(launcher, server)
    except TrialError as error:
        wrong = error.failure.kind is FailureKind.WRONG_SERVER
        return EngineSays(other_model=error.failure.message if wrong else None)
    except AutotuneError:
        return EngineSays()


def _asked(launcher: Launcher, server: Server) -> EngineSays:
    if not launcher.ready(server):
        return EngineSays()
    return EngineSays(own_model=True, settings=dict(launcher.effective(server)))


def _launcher(config: ExportConfig) -> Launcher | None:
    """``None`` for an engine whose description is not here."""
    try:
        return make_launcher(config.provenance.engine or "")
    except AutotuneError:
        return None


def _server(config: ExportConfig, base_url: str, model: Path) -> Server:
    """A server whose log is not ours to read, and whose process we did not start."""
    nothing = Path(os.devnull)
    context = LaunchContext(model=model, work_dir=nothing, log_path=nothing, trial_id="")
    spec = LaunchSpec(argv=(), env={}, cwd=Path(), asked=dict(config.full_settings))
    return Server(NotOurs(), base_url, spec, context)


class NotOurs(subprocess.Popen[bytes]):
    """Stands where a launcher expects the process that it started: nothing was."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.returncode = None
