"""Installs a plan, once however often it is asked, and takes it out again without a trace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autotune.errors import UserError
from autotune.nightly.schedule.choose import Choice, demand_usable
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.record import (
    Installed,
    forget_record,
    read_record,
    record_path,
    write_record,
)
from autotune.nightly.schedule.scheduler import Machine, Scheduler

Effect = Literal["installed", "changed", "unchanged"]

_OTHERS_MAY_READ = 0o077
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What installing did. `places` is what was written, `removed` what gave way to it."""

    effect: Effect
    installed: Installed
    why: str
    places: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]


def install(
    machine: Machine, every: Sequence[Scheduler], choice: Choice, plan: Plan, now: datetime
) -> InstallReport:
    """Puts `plan` into the chosen scheduler, and out of every other.

    Installing what is in place already does nothing. Raises `MachineError` when the scheduler
    refuses; what was installed before is then still there.
    """
    scheduler = choice.scheduler
    demand_usable(scheduler)
    before = read_record(machine, plan.name)
    same = before is not None and (before.kind, before.plan) == (scheduler.kind, plan)
    if before is not None and same and scheduler.standing(plan).in_place:
        return _report("unchanged", before, choice, ())
    scheduler.install(plan)
    removed = _out_of_the_others(every, scheduler, plan.name)
    installed = Installed(scheduler.kind, plan, now)
    write_record(machine, installed)
    return _report("changed" if before else "installed", installed, choice, removed)


def _out_of_the_others(every: Sequence[Scheduler], chosen: Scheduler, name: str) -> tuple[str, ...]:
    """Two schedulers would begin two nights."""
    others = [scheduler for scheduler in every if scheduler.kind != chosen.kind]
    return tuple(gone for other in others for gone in other.remove(name))


def _report(
    effect: Effect, installed: Installed, choice: Choice, removed: tuple[str, ...]
) -> InstallReport:
    plan, scheduler = installed.plan, choice.scheduler
    places = tuple(artefact.place for artefact in scheduler.artefacts(plan))
    notes = (*scheduler.notes(plan), *_secrets_notes(plan))
    return InstallReport(effect, installed, choice.why, places, removed, notes)


def _secrets_notes(plan: Plan) -> tuple[str, ...]:
    """A file of secrets is the user's own."""
    if plan.secrets.is_file() and plan.secrets.stat().st_mode & _OTHERS_MAY_READ:
        return (f"others may read {plan.secrets}: chmod 600 {plan.secrets}",)
    return ()


def uninstall(machine: Machine, every: Sequence[Scheduler], name: str) -> tuple[str, ...]:
    """Takes the schedule of that name out of every scheduler; tells what was removed.

    It needs no record, so that one that was lost leaves nothing behind. Nights and studies stay.
    Raises `UserError` for a name that no schedule has.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name of a schedule", "it is written like tuning-1a2b3c4d")
    gone = [g for scheduler in every for g in scheduler.remove(name)]
    if record_path(machine, name).is_file():
        gone.append(str(record_path(machine, name)))
    forget_record(machine, name)
    return tuple(gone)
