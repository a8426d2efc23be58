"""``autotune nightly install`` and ``uninstall``: nights that begin by themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import demand_targets
from autotune.config.settings import StudiesSettings
from autotune.config.values import Duration
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from autotune.nightly.schedule.choose import Choice
    from autotune.nightly.schedule.install import InstallReport
    from autotune.nightly.schedule.plan import Plan
    from autotune.nightly.schedule.scheduler import Machine

DEFAULT_LIMIT_S = 18_000.0

_BUDGET_SLACK_S = 1800.0
"""What a night takes besides its budgets: canaries, the proof, hooks."""


class NightlyInstall(StudiesSettings):
    """Begin nights by themselves, at a time of day, for the targets of this folder.

    Takes the targets of ./autotune.toml: all, those that are added later too, or the ones that are
    named. What begins a night is a timer of your systemd where one answers, else a line of your
    crontab; on macOS a launch agent. Which one it is, and why, is said.

    Installing again changes the time and nothing else; it is never installed twice. A night gets
    this shell's PATH and what else finds engines and GPUs. Secrets, such as a webhook's address,
    go into ~/.config/autotune/nightly.env as NAME=value lines.

    Examples:
        autotune nightly install --at 02:30
        autotune nightly install --at 02:30 --dry-run
        autotune nightly install coder --at 03:15 --days mon-fri
        autotune nightly install --at 02:30 --schedule cron
    """

    targets: CliPositionalArg[list[str]] = Field(
        default_factory=list,
        description="only these targets (default: all of ./autotune.toml)",
        json_schema_extra={"metavar": "TARGET"},
    )
    at: str = Field("02:30", description="when nights begin, on this machine's clock")
    days: str = Field("mon-sun", description="on which days of the week: mon,wed or mon-fri")
    limit: Annotated[Duration, Field(ge=60)] | None = Field(
        None,
        description="end a night that takes longer, saved and resumable: 90m, 6h (default: 5h)",
        json_schema_extra={"metavar": "TIME"},
    )
    schedule: Literal["auto", "systemd", "cron", "launchd"] = Field(
        "auto", description="what begins them; auto takes what suits this machine best"
    )
    dry_run: bool = Field(False, description="print what would be written; write nothing")

    def run(self, io: CommandIO) -> int:
        """Installs, or shows what would be."""
        from autotune.cli.nightly_machine import this_machine
        from autotune.nightly.schedule.choose import choose, schedulers
        from autotune.nightly.schedule.install import install

        plan, notes = self._plan(), tuple(self._notes())
        machine = this_machine()
        every = schedulers(machine)
        choice = choose(every, self.schedule)
        if self.dry_run:
            _show_dry_run(plan, choice, notes, io)
            return int(ExitCode.DONE)
        report = install(machine, every, choice, plan, datetime.now(UTC))
        _show_report(report, choice, notes, io)
        return int(ExitCode.DONE)

    def _plan(self) -> Plan:
        """Raises `UserError` for targets, times and days that are none."""
        from autotune.cli.nightly_machine import make_plan
        from autotune.nightly.schedule.plan import parse_at, parse_days

        demand_targets(self.studies_dir, self.targets)
        return make_plan(
            Path.cwd(),
            self.studies_dir,
            tuple(dict.fromkeys(self.targets)),
            parse_at(self.at),
            parse_days(self.days),
            round(self._limit_s),
        )

    def _notes(self) -> Iterator[str]:
        from autotune.cli.nightly_machine import unheard_settings
        from autotune.report.text import duration

        for name in unheard_settings(os.environ):
            yield f"{name} is set in this shell only: nights do not hear of it; use autotune.toml"
        budgets_s = self._budgets_s()
        if budgets_s + _BUDGET_SLACK_S > self._limit_s:
            yield (
                f"the budgets are {duration(budgets_s)} together, and a night is ended after "
                f"{duration(self._limit_s)}: raise --limit"
            )

    @property
    def _limit_s(self) -> float:
        return DEFAULT_LIMIT_S if self.limit is None else self.limit

    def _budgets_s(self) -> float:
        """Of all targets that a night runs, one after the other; trials alone bound no time."""
        targets = demand_targets(self.studies_dir, self.targets)
        return sum(target.budget_s or 0.0 for target in targets)


def _when(plan: Plan) -> dict[str, Any]:
    from autotune.nightly.schedule.plan import clock_text, days_text, next_run

    due = next_run(plan, datetime.now(UTC))
    return {
        "at": clock_text(plan.at),
        "days": days_text(plan.days),
        "next": due.isoformat(timespec="minutes"),
    }


def when_line(kind: str, plan: Plan) -> str:
    """``every night at 02:30 by systemd, next on Tue 24 Nov 02:30``."""
    from autotune.nightly.schedule.plan import SPREAD_S, clock_text, days_text, next_run

    due = next_run(plan, datetime.now(UTC))
    later = f" or up to {SPREAD_S // 60} minutes later" if kind == "systemd" else ""
    at = f"{days_text(plan.days)} at {clock_text(plan.at)} by {kind}"
    return f"{at}, next on {due:%a %d %b %H:%M}{later}"


def _document(plan: Plan, choice: Choice) -> dict[str, Any]:
    """What both installing and its dry run say."""
    artefacts = choice.scheduler.artefacts(plan)
    return {
        "name": plan.name,
        "schedule": choice.scheduler.kind,
        "why": choice.why,
        **_when(plan),
        "limit_s": plan.limit_s,
        "folder": plan.folder,
        "command": plan.command,
        "output": choice.scheduler.output(plan),
        "artefacts": [{"place": a.place, "text": a.text} for a in artefacts],
    }


def _show_dry_run(plan: Plan, choice: Choice, notes: tuple[str, ...], io: CommandIO) -> None:
    unusable = choice.scheduler.unusable()
    notes = (*notes, *(() if unusable is None else (f"it cannot be used here: {unusable}",)))
    if io.json:
        io.emit_json({"effect": "dry-run", **_document(plan, choice), "notes": notes})
        return
    for line in (when_line(choice.scheduler.kind, plan), f"why: {choice.why}"):
        io.err.print(line, markup=False, soft_wrap=True)
    for artefact in choice.scheduler.artefacts(plan):
        place = artefact.place if artefact.is_file else f"a line of the {artefact.place}"
        io.out.print(f"# ---- {place}", markup=False, soft_wrap=True)
        io.out.print(artefact.text, markup=False, soft_wrap=True, end="\n")
    _print_notes(notes, io)


def _show_report(
    report: InstallReport, choice: Choice, notes: tuple[str, ...], io: CommandIO
) -> None:
    plan, notes = report.installed.plan, (*notes, *report.notes)
    if io.json:
        facts = {"removed": report.removed, "notes": notes}
        io.emit_json({"effect": report.effect, **_document(plan, choice), **facts})
        return
    says = {"installed": "installed", "changed": "changed", "unchanged": "as it was"}
    lines = [f"{says[report.effect]}: {when_line(report.installed.kind, plan)}"]
    lines += [f"why {report.installed.kind}: {report.why}"]
    if report.effect != "unchanged":
        lines += [f"wrote {place}" for place in report.places]
        lines += [f"removed {place}" for place in report.removed]
    lines += [f"output: {choice.scheduler.output(plan)}"]
    for line in lines:
        io.out.print(line, markup=False, soft_wrap=True)
    _print_notes(notes, io)


def _print_notes(notes: tuple[str, ...], io: CommandIO) -> None:
    for note in notes:
        io.err.print(f"note: {note}", markup=False, soft_wrap=True)


class NightlyUninstall(BaseModel):
    """Begin no more nights for this folder. Nights, studies and the live config stay.

    Takes away what install wrote, and nothing else: other lines of a crontab are not touched. A
    night that is running goes on to its end. Where nothing is installed, nothing is done.

    Examples:
        autotune nightly uninstall
        autotune nightly uninstall --name tuning-1a2b3c4d
    """

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        None, description="a schedule of another folder, as status and install name it"
    )

    def run(self, io: CommandIO) -> int:
        """Removes, and says what."""
        from autotune.cli.nightly_machine import this_machine
        from autotune.nightly.schedule.choose import schedulers
        from autotune.nightly.schedule.install import uninstall
        from autotune.nightly.schedule.plan import schedule_name

        machine = this_machine()
        name = self.name or schedule_name(Path.cwd())
        gone = uninstall(machine, schedulers(machine), name)
        if io.json:
            io.emit_json({"name": name, "removed": gone})
            return int(ExitCode.DONE)
        for place in gone:
            io.out.print(f"removed {place}", markup=False, soft_wrap=True)
        if not gone:
            _say_nothing_was_there(machine, name, io)
        return int(ExitCode.DONE)


def _say_nothing_was_there(machine: Machine, name: str, io: CommandIO) -> None:
    from autotune.nightly.schedule.record import all_records

    io.err.print(f"nothing was installed as {name}", markup=False, soft_wrap=True)
    for other in all_records(machine):
        line = f"installed: --name {other.plan.name} of {other.plan.folder}"
        io.err.print(line, markup=False, soft_wrap=True)
