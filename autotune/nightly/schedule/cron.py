"""A line of the user's crontab. Every other byte of it stays as it is.

The line goes in front of what is there, for two reasons: settings of a crontab (``SHELL=``,
``PATH=``) hold for the lines below them, and what follows is never touched, not even a last line
without its end.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.schedule.files import (
    differing,
    put_back_on_error,
    remove_files,
    write_files,
)
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Artefact, Kind, Machine, Standing
from autotune.nightly.schedule.wrapper import wrapper, wrapper_path

CRONTAB = "crontab"
MOST_CHARACTERS = 900
"""Below the thousand at which cron cuts a command."""

_DAEMONS = frozenset({"cron", "crond", "fcron", "dcron", "bcron", "anacron", "busybox"})
_SUNDAY_FIRST = (1, 2, 3, 4, 5, 6, 0)


def mark(name: str) -> str:
    """How a line of ours ends; to the shell that runs it, a comment."""
    return f"# autotune-nightly {name}"


@dataclass(frozen=True, slots=True)
class Cron:
    """The crontab of the user, by the ``crontab`` program."""

    machine: Machine

    @property
    def kind(self) -> Kind:
        """``cron``."""
        return "cron"

    def unusable(self) -> str | None:
        """``crontab`` must be there and let this user have one."""
        if self.machine.commands.find(CRONTAB) is None:
            return "there is no crontab program"
        try:
            self._read()
        except MachineError as error:
            return error.message
        return None

    def artefacts(self, plan: Plan) -> tuple[Artefact, ...]:
        """The script, and the line that names it. Raises `MachineError` where that is too long."""
        return (wrapper(self.machine, plan, self.kind), Artefact(CRONTAB, self._line(plan)))

    def install(self, plan: Plan) -> None:
        """Script first: the line never names one that is not there."""
        script, line = self.artefacts(plan)
        with put_back_on_error([self._script(plan.name)]):
            write_files([script])
            kept = without_mark(self._read(), plan.name)
            self._write(line.text.encode() + kept)

    def remove(self, name: str) -> tuple[str, ...]:
        """Line first, then the script."""
        gone = []
        if self.unusable() is None:
            before = self._read()
            after = without_mark(before, name)
            if after != before:
                self._write(after)
                gone.append(f"a line of the crontab of {self.machine.user}")
        return (*gone, *remove_files([self._script(name)]))

    def standing(self, plan: Plan) -> Standing:
        """Script and line as written."""
        if (problem := differing(self.artefacts(plan))) is not None:
            return Standing(False, problem)
        if (problem := self.unusable()) is not None:
            return Standing(False, problem)
        if self._line(plan).encode() in self._read().splitlines(keepends=True):
            return Standing(True)
        return Standing(False, "its line is not in the crontab any more, or was changed")

    def notes(self, plan: Plan) -> tuple[str, ...]:
        """What cron does not do by itself."""
        del plan
        notes = ["cron does not make up for a night that the machine was off"]
        if not _DAEMONS & set(self.machine.running()):
            notes.append("no cron daemon seems to run here: start it, or no night will begin")
        return tuple(notes)

    def output(self, plan: Plan) -> str:
        """The script appends it to a file."""
        return str(plan.log)

    def _script(self, name: str) -> Path:
        return wrapper_path(self.machine, name, self.kind)

    def _line(self, plan: Plan) -> str:
        days = ",".join(str(_SUNDAY_FIRST[day]) for day in plan.days) or "*"
        script = shlex.quote(str(self._script(plan.name))).replace("%", "\\%")
        when = f"{plan.at.minute} {plan.at.hour} * * {days}"
        line = f"{when} /bin/sh {script} {mark(plan.name)}\n"
        if len(line) > MOST_CHARACTERS:
            raise MachineError(
                f"{self.machine.nightly} is too long a path for a line of a crontab",
                "set XDG_CONFIG_HOME to a shorter one",
            )
        return line

    def _read(self) -> bytes:
        """The crontab; empty where there is none. Raises `MachineError` where it cannot be told."""
        ran = self.machine.commands.run((CRONTAB, "-l"))
        if ran.code == 0:
            return ran.out
        if "no crontab" in ran.err.lower():
            return b""
        raise MachineError(f"crontab -l: {ran.said}", "ask who looks after this machine for cron")

    def _write(self, content: bytes) -> None:
        """Replaces the crontab; an empty one is taken away."""
        argv = (CRONTAB, "-") if content else (CRONTAB, "-r")
        ran = self.machine.commands.run(argv, stdin=content)
        if ran.code != 0:
            raise MachineError(f"crontab did not take it: {ran.said}", "crontab -l shows what is")


def without_mark(content: bytes, name: str) -> bytes:
    """`content` less the lines that end with this schedule's mark; the rest byte for byte."""
    end = mark(name).encode()
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.rstrip(b"\r\n").endswith(end))
