"""What every scheduler can do: systemd, cron and launchd are one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from autotune.nightly.schedule.commands import Commands
from autotune.nightly.schedule.plan import Plan

Kind = Literal["systemd", "cron", "launchd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine as schedulers see it.

    `platform` is ``sys.platform``. `running` gives the names of the processes that run.
    """

    platform: str
    user: str
    uid: int
    home: Path
    config_home: Path
    commands: Commands
    running: Callable[[], Iterable[str]]

    @property
    def nightly(self) -> Path:
        """Where what belongs to schedules is kept, a folder each."""
        return self.config_home / "autotune" / "nightly"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One thing that installing writes: a file at `place`, or a line of the crontab."""

    place: str
    text: str
    mode: int = 0o644

    @property
    def is_file(self) -> bool:
        """Whether `place` is a path."""
        return self.place.startswith("/")


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a schedule is in place as it was installed; `problem` says why not."""

    in_place: bool
    problem: str | None = None


class Scheduler(Protocol):
    """A way to run a plan at its time."""

    @property
    def kind(self) -> Kind:
        """Its name."""

    def unusable(self) -> str | None:
        """Why it cannot be used on this machine, in words; ``None`` where it can."""

    def artefacts(self, plan: Plan) -> tuple[Artefact, ...]:
        """What `install` writes. Raises `UserError` for a plan that it cannot express."""

    def install(self, plan: Plan) -> None:
        """Writes and enables the plan, in place of what stood there under its name.

        Raises `MachineError`; what stood there is then as it was.
        """

    def remove(self, name: str) -> tuple[str, ...]:
        """Takes the schedule of that name out and tells what was removed; nothing is no error."""

    def standing(self, plan: Plan) -> Standing:
        """Whether the plan is in place, to the letter."""

    def notes(self, plan: Plan) -> tuple[str, ...]:
        """What a person should know or do besides."""

    def output(self, plan: Plan) -> str:
        """Where the output of a night is read: a command or a path."""
