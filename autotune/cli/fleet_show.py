"""``autotune fleet show``: what is known of each target, whichever host found it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.fleet_plan import SCHEMA_VERSION, fleet_of
from autotune.cli.io import CommandIO
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from autotune.fleet.fleet_plan import TargetPlan
    from autotune.nightly.targets import Target
    from autotune.report.gains import GainRow


class FleetShow(StudiesSettings):
    """Show each target with its config, its gain and interval, and its verdict.

    It reads what runs have left in the studies' folder, on this host or on another that shares it,
    and looks at no GPU and no model: autotune fleet plan says what has changed since.

    Examples:
        autotune fleet show fleet.toml
        autotune fleet show fleet.toml --json
    """

    file: CliPositionalArg[Path] = Field(description="the fleet's file")

    def run(self, io: CommandIO) -> int:
        """Prints a row a target, or one JSON document."""
        from autotune.report.gains import print_gains

        fleet = fleet_of(self.file, self.studies_dir)
        rows = [settled_row(target) for target in fleet.targets.values()]
        if io.json:
            targets = [row.to_json() for row in rows]
            io.emit_json({"schema_version": SCHEMA_VERSION, "targets": targets})
        else:
            print_gains(rows, io.out, "target")
        return int(ExitCode.DONE)


def settled_row(target: Target, plan: TargetPlan | None = None) -> GainRow:
    """What the last study of a target found; where there is none, how it stands.

    `plan` says how it stands on this host, where somebody looked. Raises `MachineError` where what
    is kept of it is damaged.
    """
    from autotune.fleet.fleet_plan import record_of
    from autotune.report.gains import GainRow, gain_row

    record = record_of(target)
    if plan is not None and plan.error is not None:
        error = plan.error
        return GainRow(
            name=target.name, gpu=plan.gpu_name, state="failed", verdict=error.message,
            hint=error.hint, exit_code=int(error.exit_code),
        )  # fmt: skip
    settled, summary = record.settled(), record.summary()
    if settled is not None and summary is not None:
        row = gain_row(target.name, settled.fingerprint.gpu_name, summary)
        return replace(row, study=settled.study)
    begun = record.begun()
    gpu = target.request.gpu if plan is None else plan.gpu_name
    if begun is not None:
        return GainRow(name=target.name, gpu=gpu, state="unfinished", verdict="", study=begun.study)
    state = "not tuned yet" if plan is None else plan.standing.value
    return GainRow(name=target.name, gpu=gpu, state=state, verdict="")
