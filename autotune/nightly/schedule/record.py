"""What was installed for a folder, written when it was: read by status and by uninstall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from autotune.errors import MachineError
from autotune.nightly.schedule.plan import PLAN_VERSION, Plan
from autotune.nightly.schedule.scheduler import Kind, Machine
from autotune.study.files import read_json, write_json

_HINT = "remove it, and run autotune nightly install again"


@dataclass(frozen=True, slots=True)
class Installed:
    """A plan, the scheduler that has it, and since when."""

    kind: Kind
    plan: Plan
    installed_at: datetime

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        stamp = self.installed_at.isoformat(timespec="seconds")
        return {**self.plan.to_json(), "kind": self.kind, "installed_at": stamp}


def record_path(machine: Machine, name: str) -> Path:
    """Where the record of that schedule is."""
    return machine.nightly / name / "schedule.json"


def write_record(machine: Machine, installed: Installed) -> None:
    """Raises `MachineError` when the disk refuses."""
    write_json(record_path(machine, installed.plan.name), installed.to_json())


def read_record(machine: Machine, name: str) -> Installed | None:
    """The record; ``None`` where nothing is installed. Raises `MachineError` for a damaged one."""
    path = record_path(machine, name)
    data = read_json(path)
    return None if data is None else _installed(data, path)


def _installed(data: Mapping[str, Any], path: Path) -> Installed:
    if data.get("schema_version") != PLAN_VERSION or data.get("kind") not in get_args(Kind):
        raise MachineError(f"{path} is not of this version of autotune", _HINT)
    try:
        return Installed(
            data["kind"], Plan.from_json(data), datetime.fromisoformat(data["installed_at"])
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MachineError(f"{path} is damaged: {error}", _HINT) from error


def forget_record(machine: Machine, name: str) -> None:
    """Takes the record away, and its folder when that is empty."""
    path = record_path(machine, name)
    path.unlink(missing_ok=True)
    folder = path.parent
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def all_records(machine: Machine) -> tuple[Installed, ...]:
    """What is installed for any folder, by name. Raises `MachineError` for a damaged record."""
    names = sorted(path.parent.name for path in machine.nightly.glob("*/schedule.json"))
    return tuple(r for name in names if (r := read_record(machine, name)) is not None)
