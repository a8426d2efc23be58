"""This machine as schedulers see it, and the plan of a folder: what a night is begun with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.config import Locations, Settings, read_layers
from autotune.config.layers import env_name

if TYPE_CHECKING:
    from datetime import time

    from autotune.nightly.schedule.plan import Plan
    from autotune.nightly.schedule.scheduler import Machine

SECRETS = "nightly.env"
"""In autotune's own configuration folder: what nights need to know and no file of a project may."""

_ALSO_INHERITED = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "VIRTUAL_ENV", "HF_HOME")
"""Where settings, caches and models are, besides what engines inherit."""


def this_machine() -> Machine:
    """The machine that runs this command, with its real programs."""
    from getpass import getuser

    from autotune.nightly.schedule.commands import SystemCommands
    from autotune.nightly.schedule.scheduler import Machine

    return Machine(
        platform=sys.platform,
        user=getuser(),
        uid=os.getuid(),
        home=Path.home(),
        config_home=config_home(os.environ),
        commands=SystemCommands(dict(os.environ)),
        running=_running,
    )


def config_home(environ: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME``, by default ``~/.config``."""
    named = environ.get("XDG_CONFIG_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / ".config"


def _running() -> Iterator[str]:
    import psutil

    return (process.info["name"] or "" for process in psutil.process_iter(["name"]))


def program() -> tuple[str, ...]:
    """How this autotune is started, by whole paths."""
    script = Path(sys.executable).parent / "autotune"
    if os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-m", "autotune.cli.main")


def night_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of this shell's environment a night gets: what finds programs, libraries, devices."""
    from autotune.launchers.environment import INHERITED

    names = INHERITED | set(_ALSO_INHERITED)
    return {name: value for name, value in environ.items() if name in names and value}


def make_plan(
    folder: Path,
    studies_dir: Path,
    targets: Sequence[str],
    at: time,
    days: tuple[int, ...],
    limit_s: int,
) -> Plan:
    """The plan to run the nights of `folder`. No `targets` are all, those of later too."""
    from autotune.nightly.prune import schedule_log
    from autotune.nightly.schedule.plan import Plan, schedule_name

    where = _studies_flag(folder, studies_dir)
    return Plan(
        name=schedule_name(folder),
        at=at,
        days=days,
        limit_s=limit_s,
        command=(*program(), "nightly", "run", *targets, *where),
        folder=folder,
        environment=night_environment(os.environ),
        secrets=config_home(os.environ) / "autotune" / SECRETS,
        log=schedule_log((folder / studies_dir).resolve()),
    )


def _studies_flag(folder: Path, studies_dir: Path) -> tuple[str, ...]:
    """``--studies-dir`` where the files alone would lead a night elsewhere."""
    names = ("HOME", "XDG_CONFIG_HOME")
    files = {name: os.environ[name] for name in names if name in os.environ}
    alone = read_layers(Locations.of(files, folder)).merged().get("studies_dir", "studies")
    mine = (folder / studies_dir).resolve()
    return () if mine == (folder / str(alone)).resolve() else ("--studies-dir", str(mine))


def unheard_settings(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Settings that only this shell's environment has: a night will not hear of them."""
    names = [env_name(name) for name in Settings.model_fields if name != "studies_dir"]
    return tuple(name for name in names if environ.get(name))
