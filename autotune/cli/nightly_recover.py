"""``autotune nightly recover``: what a night that was cut short left open, mended now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import demand_targets
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from autotune.nightly.targets import Target


class NightlyRecover(StudiesSettings):
    """Mend what a night left open that was killed, or that the machine went down in.

    A promotion that was under way is finished or taken back, and a before hook that ran gets its
    after hook. Every night begins with this; by hand it is for not waiting until then, or for a
    unit that runs when the machine starts. Where nothing is open, nothing is done.

    Examples:
        autotune nightly recover
        autotune nightly recover coder --json
    """

    targets: CliPositionalArg[list[str]] = Field(
        default_factory=list,
        description="only these targets (default: all of ./autotune.toml)",
        json_schema_extra={"metavar": "TARGET"},
    )

    def run(self, io: CommandIO) -> int:
        """Target by target."""
        rows = [(t.name, _recovered(t)) for t in demand_targets(self.studies_dir, self.targets)]
        if io.json:
            io.emit_json({"targets": [{"target": name, "done": said} for name, said in rows]})
            return int(ExitCode.DONE)
        for name, said in rows:
            for text in said or ("nothing was open",):
                io.out.print(f"{name}: {text}", markup=False, soft_wrap=True)
        return int(ExitCode.DONE)


def _recovered(target: Target) -> tuple[str, ...]:
    """What was done, in words. Raises `MachineError` while a night of the target runs."""
    from autotune.nightly.gpu_lock import state_lock
    from autotune.nightly.night_steps import record_cut_short
    from autotune.nightly.nights import Nights
    from autotune.nightly.recover import recover
    from autotune.nightly.target_site import site_of

    site = site_of(target, dict(os.environ))
    with state_lock(target.state, target.name):
        nights = record_cut_short(target.name, site.journal, Nights.of(target.state))
        said = [f"the night {night.stamp} was cut short: its page says so" for night in nights]
        return (*said, *recover(site).said)
