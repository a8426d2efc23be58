"""``autotune fleet run``: every target that is due and whose GPU is on this host, as one run."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.fleet_plan import SCHEMA_VERSION, fleet_plans
from autotune.cli.fleet_show import settled_row
from autotune.cli.io import CommandIO
from autotune.cli.run_gpus import end_row, run_crew, tune_work
from autotune.config.settings import DisplaySettings, StudiesSettings
from autotune.errors import ExitCode, gravest

if TYPE_CHECKING:
    from autotune.fleet.fleet_plan import TargetPlan
    from autotune.report.gains import GainRow
    from autotune.team.crew import Job, JobEnd, Seat, Watcher


class FleetRun(DisplaySettings, StudiesSettings):
    """Tune every target that is due and whose GPU is on this host.

    Targets on different GPUs run side by side, one worker process a GPU, each with its share of the
    cores and of the host's memory; targets for the processor run after them. What was finished and
    has not changed since is not run again, and a study that did not come to its end is gone on
    with. At the end there is a row a target: its config, its gain over the engine's defaults with
    the 95% interval, and its verdict.

    Ctrl-C lets the trials under way come to their end, a second one stops the engines. The exit
    code is the gravest of those of the targets that ran.

    Examples:
        autotune fleet run fleet.toml
        autotune fleet run fleet.toml coder-agents-3090 --force
        autotune fleet run fleet.toml --json
    """

    file: CliPositionalArg[Path] = Field(description="the fleet's file")
    targets: CliPositionalArg[list[str]] = Field(
        default_factory=list,
        description="only these targets (default: all of the file)",
        json_schema_extra={"metavar": "TARGET"},
    )
    force: bool = Field(False, description="tune again although nothing changed")

    def run(self, io: CommandIO) -> int:
        """Tunes what is due, and shows all."""
        from autotune.fleet.fleet_plan import demand_some
        from autotune.fleet.tuning import tune_fleet

        with fleet_plans(self.file, self.studies_dir, self.targets, force=self.force) as plans:
            demand_some(plans, platform.node())
        _say_plans(plans, io)
        try:
            ends = tune_fleet(plans, tune_work, _Jobs(io))
        except KeyboardInterrupt:
            sys.stderr.write(f"interrupted; to go on: {shlex.join(io.argv)}\n")
            return int(ExitCode.INTERRUPTED)
        return _conclude(plans, ends, io)


class _Jobs:
    """Does jobs, one crew after the other; a stop that the first one heard is heard by all."""

    def __init__(self, io: CommandIO) -> None:
        self._io = io
        self._stop = Event()

    def __call__(
        self, jobs: Sequence[Job], seats: Sequence[Seat], watcher: Watcher
    ) -> Mapping[str, JobEnd]:
        return run_crew(jobs, seats, self._io, watcher, self._stop)


def _say_plans(plans: Sequence[TargetPlan], io: CommandIO) -> None:
    """What is not run, and why."""
    for plan in plans:
        if not plan.runs and io.display != "none" and not io.json:
            why = "; ".join(plan.reasons)
            text = f"{plan.target.name}: {plan.standing.value}: {why}"
            io.err.print(text, markup=False, soft_wrap=True)


def _conclude(plans: Sequence[TargetPlan], ends: Mapping[str, JobEnd], io: CommandIO) -> int:
    from autotune.report.gains import print_gains

    rows = [_row(plan, ends.get(plan.target.name)) for plan in plans]
    broken = [int(plan.error.exit_code) for plan in plans if plan.error is not None]
    code = gravest([*(end.exit_code for end in ends.values()), *broken])
    if io.json:
        targets = [row.to_json() for row in rows]
        document = {"schema_version": SCHEMA_VERSION, "targets": targets}
        io.emit_json({**document, "exit_code": int(code)})
        return int(code)
    print_gains(rows, io.out, "target")
    if code == ExitCode.STOPPED_EARLY:
        io.err.print(f"to go on: {shlex.join(io.argv)}", markup=False, soft_wrap=True)
    return int(code)


def _row(plan: TargetPlan, end: JobEnd | None) -> GainRow:
    """How it ended now; of what did not run, how it stands."""
    if end is None:
        return settled_row(plan.target, plan)
    return end_row(plan.target.name, plan.gpu_name, plan.study or "", end)
