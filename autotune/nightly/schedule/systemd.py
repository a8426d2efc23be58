"""A timer of the user's systemd: verified, enabled, and known to run when nobody is logged in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.schedule.commands import Ran
from autotune.nightly.schedule.files import (
    differing,
    put_back_on_error,
    remove_files,
    write_files,
)
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Artefact, Kind, Machine, Standing
from autotune.nightly.schedule.systemd_text import service_text, timer_text, unit_name

_FAILED = "systemctl --user status tells more; --schedule cron does without systemd"


@dataclass(frozen=True, slots=True)
class Systemd:
    """Units in ``~/.config/systemd/user``."""

    machine: Machine

    @property
    def kind(self) -> Kind:
        """``systemd``."""
        return "systemd"

    def unusable(self) -> str | None:
        """A user's instance must answer: it is the one that would run the timer."""
        if self.machine.commands.find("systemctl") is None:
            return "there is no systemctl"
        ran = self._systemctl("show-environment")
        return None if ran.code == 0 else f"no systemd user instance answers ({ran.said})"

    def artefacts(self, plan: Plan) -> tuple[Artefact, ...]:
        """Service and timer."""
        service, timer = self._paths(plan.name)
        return (
            Artefact(str(service), service_text(plan)),
            Artefact(str(timer), timer_text(plan)),
        )

    def install(self, plan: Plan) -> None:
        """Verified first, then enabled; a refusal leaves the units that were there."""
        artefacts = self.artefacts(plan)
        self._verify(artefacts)
        with self._as_before_on_error(plan.name), put_back_on_error(self._paths(plan.name)):
            write_files(artefacts)
            self._start(plan.name)

    def remove(self, name: str) -> tuple[str, ...]:
        """Stopped and disabled before the units go; a night that runs now goes on to its end."""
        paths = self._paths(name)
        if not any(path.exists() for path in paths):
            return ()
        if self.unusable() is None:
            self._systemctl("disable", "--now", f"{unit_name(name)}.timer")
            self._forget(name)
        gone = remove_files([*paths, *self._links(name)])
        if self.unusable() is None:
            self._systemctl("daemon-reload")
        return gone

    def standing(self, plan: Plan) -> Standing:
        """Units as written, and the timer active."""
        if (problem := differing(self.artefacts(plan))) is not None:
            return Standing(False, problem)
        if (problem := self.unusable()) is not None:
            return Standing(False, problem)
        timer = f"{unit_name(plan.name)}.timer"
        ran = self._systemctl("is-active", timer)
        if ran.code == 0:
            return Standing(True)
        return Standing(False, f"{timer} is {ran.out.decode().strip() or 'not active'}")

    def notes(self, plan: Plan) -> tuple[str, ...]:
        """Without lingering, a user's instance ends when the user logs out."""
        found = ("loginctl", "show-user", self.machine.user, "--property=Linger", "--value")
        if self.machine.commands.find("loginctl") is None:
            return ()
        ran = self.machine.commands.run(found)
        if ran.code == 0 and ran.out.strip() == b"yes":
            return ()
        return (
            "nights run while you are logged in; for those when you are not: "
            f"loginctl enable-linger {self.machine.user}",
        )

    def output(self, plan: Plan) -> str:
        """The journal keeps it, and bounds it."""
        return f"journalctl --user -u {unit_name(plan.name)}.service"

    def _paths(self, name: str) -> tuple[Path, Path]:
        folder = self.machine.config_home / "systemd" / "user"
        unit = unit_name(name)
        return folder / f"{unit}.service", folder / f"{unit}.timer"

    def _links(self, name: str) -> list[Path]:
        """What enabling made: left behind where no instance answers that could disable it."""
        folder = self.machine.config_home / "systemd" / "user"
        return [folder / "timers.target.wants" / f"{unit_name(name)}.timer"]

    def _systemctl(self, *words: str) -> Ran:
        return self.machine.commands.run(("systemctl", "--user", *words))

    def _start(self, name: str) -> None:
        timer = f"{unit_name(name)}.timer"
        self._forget(name)
        for words in (("daemon-reload",), ("enable", timer), ("restart", timer)):
            ran = self._systemctl(*words)
            if ran.code != 0:
                raise MachineError(f"systemctl {' '.join(words)}: {ran.said}", _FAILED)

    def _forget(self, name: str) -> None:
        """When it last ran: else a new time that has passed today would begin a night now."""
        timer = f"{unit_name(name)}.timer"
        self._systemctl("stop", timer)
        self._systemctl("clean", "--what=state", timer)

    @contextmanager
    def _as_before_on_error(self, name: str) -> Iterator[None]:
        """The manager runs again what was put back, and nothing where nothing was."""
        try:
            yield
        except MachineError:
            timer = self._paths(name)[1]
            if not timer.exists():
                remove_files(self._links(name))
            self._systemctl("daemon-reload")
            if timer.exists():
                self._systemctl("restart", timer.name)
            raise

    def _verify(self, artefacts: Sequence[Artefact]) -> None:
        """Raises `MachineError` with what ``systemd-analyze`` finds wrong with the units."""
        if self.machine.commands.find("systemd-analyze") is None:
            return
        if (problem := verify_units(self.machine, artefacts)) is not None:
            raise MachineError(
                f"systemd would not take the units: {problem}",
                "autotune nightly install --dry-run prints them; --schedule cron does without",
            )


def verify_units(machine: Machine, artefacts: Sequence[Artefact]) -> str | None:
    """What ``systemd-analyze verify`` says of the units themselves; ``None`` when all is well.

    It ends with 0 for many a key that it ignores, so every line that names a unit counts. It wants
    a runtime directory, which a machine without an instance has not.
    """
    with tempfile.TemporaryDirectory(prefix="autotune-units-") as name:
        folder = Path(name)
        paths = [folder / Path(artefact.place).name for artefact in artefacts]
        for path, artefact in zip(paths, artefacts, strict=True):
            path.write_text(artefact.text, encoding="utf-8")
        argv = ("systemd-analyze", "verify", "--user", "--man=no", *map(str, paths))
        ran = machine.commands.run(argv, extra_env={"XDG_RUNTIME_DIR": name})
        said = [line for line in ran.err.splitlines() if any(p.name in line for p in paths)]
    if said:
        return said[0].removeprefix(f"{folder}/")
    return ran.said if ran.code != 0 else None
