"""The text of a service and its timer, for a user's manager.

A one-shot service ignores ``RuntimeMaxSec=`` (``systemd-analyze verify`` says so), so the limit of
a night is ``TimeoutStartSec=``. SIGINT is how autotune is told to finish the trial and save;
``KillMode=mixed`` sends it to autotune alone and lets no engine outlive it. A night that finds
nothing better (1) or stops early (75) is no failed service. By itself systemd ends a service of
which one process ran out of memory: an engine that does so is a result here, hence ``OOMPolicy=``.
"""

from __future__ import annotations

from pathlib import Path

from autotune.errors import UserError
from autotune.export.systemd_unit import quoted
from autotune.nightly.schedule.plan import DAYS, SPREAD_S, STOP_S, Plan, clock_text

MADE = "# Written by autotune nightly install; autotune nightly uninstall removes it."


def unit_name(name: str) -> str:
    """The units' name without their suffix."""
    return f"autotune-nightly-{name}"


def service_text(plan: Plan) -> str:
    """The service. Raises `UserError` for a folder or a word that no unit file can hold."""
    lines = [
        MADE,
        "[Unit]",
        f"Description=autotune: nightly retuning, {_percent(plan.name)}",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_path(plan.folder)}",
        *(f"Environment={quoted(f'{k}={v}')}" for k, v in sorted(plan.environment.items())),
        f"EnvironmentFile=-{_path(plan.secrets)}",
        f"ExecStart={_command(plan.command)}",
        f"TimeoutStartSec={plan.limit_s}",
        "KillSignal=SIGINT",
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_S}",
        "SuccessExitStatus=75 1",
        "OOMPolicy=continue",
    ]
    return "\n".join(lines) + "\n"


def timer_text(plan: Plan) -> str:
    """The timer. ``Persistent=`` makes up for a night that the machine was off."""
    lines = [
        MADE,
        "[Unit]",
        f"Description=autotune: when nights begin, {_percent(plan.name)}",
        "",
        "[Timer]",
        f"OnCalendar={_calendar(plan)}",
        f"RandomizedDelaySec={SPREAD_S}",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def _calendar(plan: Plan) -> str:
    days = ",".join(DAYS[day].capitalize() for day in plan.days)
    return f"{days} *-*-* {clock_text(plan.at)}:00".lstrip()


def _command(words: tuple[str, ...]) -> str:
    """Every word quoted. Variables are not replaced in the program's path: it keeps its ``$``."""
    first, *others = words
    return " ".join([quoted(first), *(quoted(word).replace("$", "$$") for word in others)])


def _path(path: Path) -> str:
    """A path that stands alone after its key: it is neither quoted nor unescaped there."""
    text = str(path)
    if any(ord(c) < 32 for c in text) or text != text.strip() or text.endswith("\\"):
        raise UserError(
            f"a unit file cannot hold the path {text!r}", "rename it, or use --schedule cron"
        )
    return _percent(text)


def _percent(text: str) -> str:
    return text.replace("%", "%%")
