"""``autotune fleet``: many targets as one."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_settings import CliSubCommand

from autotune.cli.fleet_plan import FleetPlan
from autotune.cli.fleet_run import FleetRun
from autotune.cli.fleet_show import FleetShow


class Fleet(BaseModel):
    """Many targets as one: every model on every workload on every kind of GPU of a file.

    Examples:
        autotune fleet plan fleet.toml
        autotune fleet run fleet.toml
        autotune fleet show fleet.toml
    """

    plan: CliSubCommand[FleetPlan]
    run: CliSubCommand[FleetRun]
    show: CliSubCommand[FleetShow]
