"""``autotune nightly``: settings that stay tuned."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_settings import CliSubCommand

from autotune.cli.nightly_install import NightlyInstall, NightlyUninstall
from autotune.cli.nightly_log import NightlyLog
from autotune.cli.nightly_prune import NightlyPrune
from autotune.cli.nightly_recover import NightlyRecover
from autotune.cli.nightly_rollback import NightlyRollback
from autotune.cli.nightly_run import NightlyRun
from autotune.cli.nightly_status import NightlyStatus


class Nightly(BaseModel):
    """Settings that stay tuned: nights that look, tune again, and put live only what wins.

    Examples:
        autotune nightly run --dry-run
        autotune nightly install --at 02:30
        autotune nightly status
        autotune nightly log --night last
        autotune nightly rollback
    """

    install: CliSubCommand[NightlyInstall]
    uninstall: CliSubCommand[NightlyUninstall]
    run: CliSubCommand[NightlyRun]
    status: CliSubCommand[NightlyStatus]
    log: CliSubCommand[NightlyLog]
    rollback: CliSubCommand[NightlyRollback]
    recover: CliSubCommand[NightlyRecover]
    prune: CliSubCommand[NightlyPrune]
