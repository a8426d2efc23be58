"""Which scheduler a machine's nights are run by, and why that one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from autotune.errors import MachineError, UserError
from autotune.nightly.schedule.cron import Cron
from autotune.nightly.schedule.launchd import Launchd
from autotune.nightly.schedule.scheduler import Machine, Scheduler
from autotune.nightly.schedule.systemd import Systemd

Asked = Literal["auto", "systemd", "cron", "launchd"]

_BY_HAND = "run autotune nightly run from whatever begins jobs on this machine"
_WHY = {
    "systemd": "a systemd user instance answers: it makes up for missed nights and bounds them",
    "cron": "crontab is here",
    "launchd": "this is macOS",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A scheduler, and why it was taken."""

    scheduler: Scheduler
    why: str


def schedulers(machine: Machine) -> tuple[Scheduler, ...]:
    """All of them, the one that suits `machine` best first."""
    first: tuple[Scheduler, ...] = (Systemd(machine), Cron(machine), Launchd(machine))
    return (first[2], first[1], first[0]) if machine.platform == "darwin" else first


def choose(all_of_them: Sequence[Scheduler], asked: Asked = "auto") -> Choice:
    """The one that was asked for, or the first that can be used.

    Raises `MachineError` where there is none, with each one's reason.
    """
    if asked != "auto":
        return Choice(_named(all_of_them, asked), "it was asked for")
    reasons: list[str] = []
    for scheduler in all_of_them:
        reason = scheduler.unusable()
        if reason is None:
            return Choice(scheduler, "; ".join([*reasons, _WHY[scheduler.kind]]))
        reasons.append(f"not {scheduler.kind}: {reason}")
    raise MachineError(f"nothing here can begin a night: {'; '.join(reasons)}", _BY_HAND)


def _named(all_of_them: Sequence[Scheduler], kind: str) -> Scheduler:
    found = next((s for s in all_of_them if s.kind == kind), None)
    if found is None:
        raise UserError(f"there is no schedule {kind!r}", "one of: systemd, cron, launchd")
    return found


def demand_usable(scheduler: Scheduler) -> None:
    """Raises `MachineError` when `scheduler` cannot be used on this machine."""
    if (reason := scheduler.unusable()) is not None:
        raise MachineError(f"{scheduler.kind} cannot be used here: {reason}", "use --schedule auto")
