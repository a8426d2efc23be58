"""A script that begins a night under schedulers that set up nothing: cron and launchd.

It is a file of its own because cron cuts lines at a thousand characters and reads ``%`` as a line
break, and both happen in real search paths.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from autotune.errors import UserError
from autotune.nightly.schedule.plan import STOP_S, Plan
from autotune.nightly.schedule.scheduler import Artefact, Kind, Machine

MADE = "# Written by autotune nightly install; autotune nightly uninstall removes it."


def wrapper_path(machine: Machine, name: str, kind: Kind) -> Path:
    """Where the script of that schedule is; each scheduler has its own."""
    return machine.nightly / name / f"{kind}.sh"


def wrapper(machine: Machine, plan: Plan, kind: Kind) -> Artefact:
    """The script: environment, folder, output, limit, command.

    Raises `UserError` for a path that holds a line break.
    """
    words = [*_limit(machine, plan), *plan.command]
    if any("\n" in text for text in (*words, str(plan.folder), str(plan.log))):
        raise UserError("a path holds a line break", "rename it")
    secrets = shlex.quote(str(plan.secrets))
    lines = [
        "#!/bin/sh",
        MADE,
        *(f"export {k}={shlex.quote(v)}" for k, v in sorted(plan.environment.items())),
        f"if [ -f {secrets} ]; then set -a; . {secrets}; set +a; fi",
        f"cd {shlex.quote(str(plan.folder))} || exit 3",
        f"mkdir -p {shlex.quote(str(plan.log.parent))}",
        f"exec >>{shlex.quote(str(plan.log))} 2>&1",
        f"exec {shlex.join(words)}",
    ]
    return Artefact(str(wrapper_path(machine, plan.name, kind)), "\n".join(lines) + "\n", 0o700)


def _limit(machine: Machine, plan: Plan) -> tuple[str, ...]:
    """coreutils' ``timeout`` where it is: SIGINT at the limit, so that the night is saved."""
    timeout = machine.commands.find("timeout")
    if timeout is None:
        return ()
    return (timeout, "--signal=INT", f"--kill-after={STOP_S}", str(plan.limit_s))
