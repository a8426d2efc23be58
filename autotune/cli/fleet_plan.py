"""``autotune fleet plan``: which targets there are, which belong to this host, and what is due."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import folder_request
from autotune.cli.user_cache import user_cache
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autotune.fleet.fleet_file import Fleet
    from autotune.fleet.fleet_plan import TargetPlan
    from autotune.nightly.targets import Target

SCHEMA_VERSION = "fleet/1"


class FleetPlan(StudiesSettings):
    """Say what a run would do on this host, target by target; start nothing.

    A target is due when it was never tuned, when its study did not come to its end, or when the
    model, the engine, the driver, the workload or what is asked changed since. Targets whose GPU
    is not on this host are named, and left to the hosts that have it.

    Examples:
        autotune fleet plan fleet.toml
        autotune fleet plan fleet.toml --json
    """

    file: CliPositionalArg[Path] = Field(description="the fleet's file")

    def run(self, io: CommandIO) -> int:
        """Prints the plan, or one JSON document."""
        with fleet_plans(self.file, self.studies_dir) as plans:
            if io.json:
                rows = [plan.to_json() for plan in plans]
                io.emit_json({"schema_version": SCHEMA_VERSION, "targets": rows})
            else:
                _print(plans, io)
        return int(ExitCode.DONE)


def fleet_of(file: Path, studies_dir: Path) -> Fleet:
    """The fleet in `file`, with the settings of this folder below. Raises `UserError`."""
    from autotune.fleet.fleet_file import read_fleet

    return read_fleet(file, folder_request(studies_dir))


@contextmanager
def fleet_plans(
    file: Path, studies_dir: Path, asked: Sequence[str] = (), *, force: bool = False
) -> Iterator[tuple[TargetPlan, ...]]:
    """The plans of the targets that are `asked` for, or of all. Raises `UserError`."""
    from autotune.fleet.fleet_file import named
    from autotune.fleet.fleet_plan import plan_fleet
    from autotune.hardware.probe import gpu_probe
    from autotune.nightly.fingerprint import Caches

    targets: list[Target] = list(named(fleet_of(file, studies_dir), asked))
    with gpu_probe() as probe:
        yield plan_fleet(targets, probe, Caches(user_cache(os.environ) / "nightly"), force=force)


def _print(plans: Sequence[TargetPlan], io: CommandIO) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from autotune.report.text import ABSENT, duration, plural

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("target", "GPU", "cards", "stands", "budget", "study"):
        table.add_column(name, overflow="fold")
    for plan in plans:
        cards = str(len(plan.where.seats)) if plan.where.seats else ABSENT
        budget = duration(plan.target.budget_s) if plan.runs else ABSENT
        words = (plan.target.name, plan.gpu_name, cards, plan.standing.value, budget)
        table.add_row(*map(Text, (*words, plan.study or ABSENT)))
    io.out.print(table)
    for plan in plans:
        for reason in plan.reasons:
            io.out.print(f"{plan.target.name}: {reason}", markup=False, soft_wrap=True)
    due = sum(plan.runs for plan in plans)
    text = f"{plural(due, 'target')} of {len(plans)} would be tuned here"
    io.out.print(text, markup=False)
