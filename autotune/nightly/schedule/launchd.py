"""A launch agent of the user on macOS, written by plistlib.

A night that falls into sleep begins when the machine wakes. ``ProcessType`` is ``Interactive``:
other kinds are slowed down by the system, and what is slowed down cannot be measured.
"""

from __future__ import annotations

import plistlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotune.errors import MachineError
from autotune.nightly.schedule.files import (
    differing,
    put_back_on_error,
    remove_files,
    write_files,
)
from autotune.nightly.schedule.plan import DAYS, STOP_S, Plan
from autotune.nightly.schedule.scheduler import Artefact, Kind, Machine, Standing
from autotune.nightly.schedule.wrapper import wrapper, wrapper_path

LEAVING_LOOKS = 50
LEAVING_PAUSE_S = 0.1


def label(name: str) -> str:
    """What launchd calls the agent."""
    return f"autotune.nightly.{name}"


@dataclass(frozen=True, slots=True)
class Launchd:
    """A property list in ``~/Library/LaunchAgents``."""

    machine: Machine

    @property
    def kind(self) -> Kind:
        """``launchd``."""
        return "launchd"

    def unusable(self) -> str | None:
        """It is macOS's."""
        if self.machine.platform != "darwin":
            return "launchd is of macOS"
        return None if self.machine.commands.find("launchctl") else "there is no launchctl"

    def artefacts(self, plan: Plan) -> tuple[Artefact, ...]:
        """The script and the property list."""
        text = plistlib.dumps(self._properties(plan)).decode()
        return (wrapper(self.machine, plan, self.kind), Artefact(str(self._path(plan.name)), text))

    def install(self, plan: Plan) -> None:
        """Out with the old agent, in with the new; a refusal brings the old one back."""
        paths = [self._script(plan.name), self._path(plan.name)]
        had = self._path(plan.name).exists()
        try:
            with put_back_on_error(paths):
                write_files(self.artefacts(plan))
                self._bootout(plan.name)
                self._bootstrap(plan.name)
        except MachineError:
            if had:
                self._launchctl("bootstrap", self._domain, str(self._path(plan.name)))
            raise

    def remove(self, name: str) -> tuple[str, ...]:
        """Agent first, then its files."""
        if self._path(name).exists() and self.unusable() is None:
            self._bootout(name)
        return remove_files([self._path(name), self._script(name)])

    def standing(self, plan: Plan) -> Standing:
        """Files as written, and the agent known to launchd."""
        if (problem := differing(self.artefacts(plan))) is not None:
            return Standing(False, problem)
        if (problem := self.unusable()) is not None:
            return Standing(False, problem)
        loaded = self._known(plan.name)
        return Standing(loaded, None if loaded else "launchd does not know the agent")

    def notes(self, plan: Plan) -> tuple[str, ...]:
        """What launchd does not do by itself."""
        del plan
        if self.machine.commands.find("timeout"):
            return ()
        return ("launchd ends no night that takes too long; deadline in the target does",)

    def output(self, plan: Plan) -> str:
        """The script appends it to a file."""
        return str(plan.log)

    @property
    def _domain(self) -> str:
        return f"gui/{self.machine.uid}"

    def _path(self, name: str) -> Path:
        return self.machine.home / "Library" / "LaunchAgents" / f"{label(name)}.plist"

    def _script(self, name: str) -> Path:
        return wrapper_path(self.machine, name, self.kind)

    def _properties(self, plan: Plan) -> dict[str, Any]:
        return {
            "Label": label(plan.name),
            "ProgramArguments": ["/bin/sh", str(self._script(plan.name))],
            "WorkingDirectory": str(plan.folder),
            "StartCalendarInterval": _calendar(plan),
            "ProcessType": "Interactive",
            "ExitTimeOut": STOP_S,
            "RunAtLoad": False,
        }

    def _bootout(self, name: str) -> None:
        """Waits until it is out, as launchd refuses an agent that is still leaving.

        An agent that is not there is no error.
        """
        self._launchctl("bootout", f"{self._domain}/{label(name)}")
        for _ in range(LEAVING_LOOKS):
            if not self._known(name):
                return
            time.sleep(LEAVING_PAUSE_S)

    def _known(self, name: str) -> bool:
        return self._launchctl("print", f"{self._domain}/{label(name)}") == 0

    def _bootstrap(self, name: str) -> None:
        ran = self.machine.commands.run(
            ("launchctl", "bootstrap", self._domain, str(self._path(name)))
        )
        if ran.code != 0:
            raise MachineError(
                f"launchctl bootstrap: {ran.said}", "log in at the machine's screen and try again"
            )

    def _launchctl(self, *words: str) -> int:
        return self.machine.commands.run(("launchctl", *words)).code


def _calendar(plan: Plan) -> list[dict[str, int]]:
    """An entry a day, where weekdays begin with Sunday as 0; one without a day for every night."""
    clock = {"Hour": plan.at.hour, "Minute": plan.at.minute}
    if not plan.days:
        return [clock]
    return [{**clock, "Weekday": (day + 1) % len(DAYS)} for day in plan.days]
