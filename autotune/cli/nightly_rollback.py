"""``autotune nightly rollback``: back to an earlier config, in one command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import demand_targets
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.nightly.swap import Promoted
    from autotune.nightly.targets import Target


class NightlyRollback(StudiesSettings):
    """Put an earlier config live again: the one before, or the one that is named.

    The before hook, one swap of all exported files, the after hook and the health check, as in a
    night. Unlike there it stays even where the health check has something against it, which is
    said: you asked for it. The next night holds the config that is live then against what it finds.

    Examples:
        autotune nightly rollback
        autotune nightly rollback coder --to 3
    """

    target: CliPositionalArg[str | None] = Field(
        None, description="which target; may be left out where there is one"
    )
    to: int | None = Field(
        None, description="the generation to go back to (default: the one that was live before)"
    )

    def run(self, io: CommandIO) -> int:
        """Rolls back, and says what is live; exits 3 where that is not healthy."""
        target = self._target()
        done, said = _rolled_back(target, self.to)
        healthy = done.health is None or done.health.healthy
        code = ExitCode.DONE if healthy else ExitCode.MACHINE
        health = None if done.health is None else done.health.text
        if io.json:
            told = {"target": target.name, "generation": done.generation, "was": done.was}
            io.emit_json({**told, "health": health, "healthy": healthy, "recovered": said})
            return int(code)
        for text in said:
            io.err.print(f"recovered: {text}", markup=False, soft_wrap=True)
        line = f"{target.name}: generation {done.generation} is live, after {done.was}"
        io.out.print(line, markup=False, soft_wrap=True)
        if health is not None:
            io.err.print(health, markup=False, soft_wrap=True)
        return int(code)

    def _target(self) -> Target:
        """Raises `UserError` where there are several and none was named."""
        asked = [] if self.target is None else [self.target]
        found = demand_targets(self.studies_dir, asked)
        if len(found) > 1:
            names = ", ".join(target.name for target in found)
            raise UserError("there are several targets", f"name one of: {names}")
        return found[0]


def _rolled_back(target: Target, to: int | None) -> tuple[Promoted, tuple[str, ...]]:
    """What was done, and what had to be mended first. Raises `MachineError` while a night runs."""
    from autotune.nightly.gpu_lock import state_lock
    from autotune.nightly.recover import recover
    from autotune.nightly.rollback import rollback
    from autotune.nightly.target_site import exports_of, site_of

    site = site_of(target, dict(os.environ))
    with state_lock(target.state, target.name):
        said = recover(site).said
        return rollback(site, to, lambda one: exports_of(target, one.config())), said
