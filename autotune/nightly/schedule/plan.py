"""What is to run, and when: one plan, told to any scheduler."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any

from autotune.errors import UserError

PLAN_VERSION = "nightly-schedule/1"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPREAD_S = 900
"""A systemd timer begins up to this much later: machines that share a disk take turns."""

STOP_S = 120
"""How long a night that is told to end has for it before it is killed."""

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SLUG = re.compile(r"[^a-z0-9]+")
_AT_HINT = "write it like 02:30, on the clock of this machine"
_DAYS_HINT = "write it like mon,wed,fri or mon-fri"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A command that runs at a time of day in a folder.

    `days` are weekdays from 0 (Monday), all when empty. `limit_s` is how long one night may take
    before it is told to end. `environment` is what programs and devices are found by; `secrets` is
    a file of ``NAME=value`` lines that is read when the night begins, if it is there. `log` is
    where the output goes under schedulers that keep none.
    """

    name: str
    at: time
    days: tuple[int, ...]
    limit_s: int
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    secrets: Path
    log: Path

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        return {
            "schema_version": PLAN_VERSION,
            "name": self.name,
            "at": clock_text(self.at),
            "days": list(self.days),
            "limit_s": self.limit_s,
            "command": list(self.command),
            "folder": str(self.folder),
            "environment": dict(self.environment),
            "secrets": str(self.secrets),
            "log": str(self.log),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote. Raises ``KeyError`` or `UserError` for anything else."""
        return cls(
            name=str(data["name"]),
            at=parse_at(str(data["at"])),
            days=tuple(int(day) for day in data["days"]),
            limit_s=int(data["limit_s"]),
            command=tuple(str(word) for word in data["command"]),
            folder=Path(data["folder"]),
            environment={str(k): str(v) for k, v in data["environment"].items()},
            secrets=Path(data["secrets"]),
            log=Path(data["log"]),
        )


def schedule_name(folder: Path) -> str:
    """The name of a folder's schedule: its own, to be read, and a digest, to be unique."""
    whole = str(folder.resolve())
    slug = _SLUG.sub("-", folder.resolve().name.lower()).strip("-")[:32] or "folder"
    return f"{slug}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def parse_at(text: str) -> time:
    """A time of day from ``02:30``. Raises `UserError`."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise UserError(f"{text!r} is no time of day", _AT_HINT)
    return time(int(found[1]), int(found[2]))


def clock_text(at: time) -> str:
    """``02:30``."""
    return f"{at.hour:02d}:{at.minute:02d}"


def parse_days(text: str) -> tuple[int, ...]:
    """Weekdays from 0 (Monday) of ``mon,wed`` or ``mon-fri``; all seven are said by none.

    Raises `UserError`.
    """
    days = {day for part in text.lower().split(",") for day in _day_range(part.strip(), text)}
    return () if len(days) == len(DAYS) else tuple(sorted(days))


def _day_range(part: str, whole: str) -> Iterable[int]:
    """``fri-mon`` goes over the weekend."""
    first, dash, last = (word.strip() for word in part.partition("-"))
    start = _day(first, whole)
    if not dash:
        return (start,)
    count = (_day(last, whole) - start) % len(DAYS) + 1
    return tuple((start + step) % len(DAYS) for step in range(count))


def _day(word: str, whole: str) -> int:
    short = word[:3]
    if short not in DAYS or not _FULL_DAYS[DAYS.index(short)].startswith(word):
        raise UserError(f"{whole!r} are no days of the week", _DAYS_HINT)
    return DAYS.index(short)


_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def days_text(days: tuple[int, ...]) -> str:
    """``every night``, or ``mon, wed``."""
    return ", ".join(DAYS[day] for day in days) if days else "every night"


def next_run(plan: Plan, now: datetime, zone: tzinfo | None = None) -> datetime:
    """When the plan is due next after `now` (with its zone), on the clock of `zone`.

    Without `zone` it is the machine's. Within an hour that the clock skips, it is the hour after.
    """
    today = now.astimezone(zone).date()
    for step in range(len(DAYS) + 1):
        day = today + timedelta(days=step)
        due = _on_the_clock(datetime.combine(day, plan.at), zone)
        if due > now and (not plan.days or day.weekday() in plan.days):
            return due
    raise AssertionError("a week has all its days")


def _on_the_clock(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
