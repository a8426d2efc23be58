"""``autotune nightly status``: what is to come, what was, and what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_install import when_line
from autotune.cli.nightly_targets import one_or_all, past_targets, targets_here
from autotune.config.settings import StudiesSettings
from autotune.errors import AutotuneError, ExitCode

if TYPE_CHECKING:
    from autotune.nightly.generations import Generation
    from autotune.nightly.gpu_lock import Holder
    from autotune.nightly.night_record import Night
    from autotune.nightly.schedule.record import Installed
    from autotune.nightly.schedule.scheduler import Machine, Scheduler, Standing

Read = TypeVar("Read")


class NightlyStatus(StudiesSettings):
    """What is to come, what was, and what is live.

    When the next night begins and by what, and whether its schedule is still in place as it was
    installed. For every target: how its last night ended, and which generation is live since when,
    with what it was worth.

    Examples:
        autotune nightly status
        autotune nightly status coder
        autotune nightly status --json
    """

    target: CliPositionalArg[str | None] = Field(
        None, description="only this target (default: all)"
    )

    def run(self, io: CommandIO) -> int:
        """Looks, and changes nothing."""
        from autotune.cli.nightly_machine import this_machine

        schedule = look_at_schedule(this_machine(), Path.cwd())
        known = (*targets_here(self.studies_dir), *past_targets(self.studies_dir))
        names = one_or_all(self.target, known)
        rows = [look_at_target(self.studies_dir, name) for name in names]
        if io.json:
            targets = [row.to_json() for row in rows]
            told = None if schedule is None else schedule.to_json()
            io.emit_json({"schedule": told, "targets": targets})
        else:
            _print_schedule(schedule, io)
            _print_targets(rows, io)
        damaged = any(row.problems for row in rows)
        return int(ExitCode.MACHINE if damaged else ExitCode.DONE)


@dataclass(frozen=True, slots=True)
class ScheduleLook:
    """What is installed for a folder, and whether it is in place."""

    installed: Installed
    standing: Standing
    output: str

    def to_json(self) -> dict[str, Any]:
        """`next` is when the next night begins, as far as the schedule is in place."""
        from autotune.nightly.schedule.plan import next_run

        due = next_run(self.installed.plan, datetime.now(UTC))
        return {
            **self.installed.to_json(),
            "next": due.isoformat(timespec="minutes") if self.standing.in_place else None,
            "in_place": self.standing.in_place,
            "problem": self.standing.problem,
            "output": self.output,
        }


def look_at_schedule(machine: Machine, folder: Path) -> ScheduleLook | None:
    """The schedule of `folder`; ``None`` where none is installed."""
    from autotune.nightly.schedule.choose import schedulers
    from autotune.nightly.schedule.plan import schedule_name
    from autotune.nightly.schedule.record import read_record

    installed = read_record(machine, schedule_name(folder))
    if installed is None:
        return None
    every: dict[str, Scheduler] = {s.kind: s for s in schedulers(machine)}
    scheduler = every[installed.kind]
    standing = scheduler.standing(installed.plan)
    return ScheduleLook(installed, standing, scheduler.output(installed.plan))


@dataclass(frozen=True, slots=True)
class TargetLook:
    """One target: its last night, its live generation, and steps that a crash left open.

    `problems` say what could not be read, and what to do; it is as if it were not there.
    """

    name: str
    last: Night | None
    live: Generation | None
    gain: Mapping[str, Any] | None
    open_steps: tuple[str, ...]
    running: Holder | None
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; what there is none of is ``None``."""
        return {
            "target": self.name,
            "last_night": None if self.last is None else self.last.to_json(),
            "live": None if self.live is None else self._live_json(self.live),
            "open_steps": self.open_steps,
            "running": self.running,
            "problems": self.problems,
        }

    def _live_json(self, live: Generation) -> dict[str, Any]:
        return {
            "generation": live.number,
            "since": live.created_at.isoformat(timespec="seconds"),
            "study": live.study,
            "why": live.why,
            "gain": self.gain,
            "folder": live.folder,
            "exports": [live.exports / name for name in live.export_names],
            "damage": live.damage(),
        }


def look_at_target(studies_dir: Path, name: str) -> TargetLook:
    """What is on disk of one target, whatever of it is damaged."""
    from autotune.nightly.generations import Generations
    from autotune.nightly.gpu_lock import state_holder
    from autotune.nightly.nights import Nights
    from autotune.nightly.prune import state_folder

    state, looked = state_folder(studies_dir, name), _Looked()
    live = looked.at(Generations(state).live)
    gain = None if live is None else looked.at(live.gain)
    last = looked.at(Nights.of(state).last)
    steps = looked.at(lambda: _open_steps(state)) or ()
    running = looked.at(lambda: state_holder(state))
    return TargetLook(name, last, live, gain, steps, running, tuple(looked.problems))


@dataclass(frozen=True, slots=True)
class _Looked:
    """Looks at one thing after the other, and goes on behind one that cannot be read."""

    problems: list[str] = field(default_factory=list)

    def at(self, read: Callable[[], Read | None]) -> Read | None:
        """What is there; ``None`` for nothing, and for what is damaged."""
        try:
            return read()
        except AutotuneError as error:
            self.problems.append(f"{error.message}; {error.hint}")
            return None


def _open_steps(state: Path) -> tuple[str, ...]:
    """What has begun and not ended: of a night that runs now, or of one that was cut short."""
    from autotune.nightly.journal import Journal

    return tuple(step.kind for step in Journal(state / "journal.jsonl").open_steps())


def _print_schedule(schedule: ScheduleLook | None, io: CommandIO) -> None:
    for line in _schedule_lines(schedule):
        io.out.print(line, markup=False, soft_wrap=True)


def _schedule_lines(schedule: ScheduleLook | None) -> Iterator[str]:
    if schedule is None:
        yield "no nights are scheduled for this folder: autotune nightly install --at 02:30"
        return
    plan = schedule.installed.plan
    if schedule.standing.in_place:
        yield when_line(schedule.installed.kind, plan)
    else:
        yield f"no night will begin: {schedule.standing.problem}"
        yield "to mend it: autotune nightly install, with the options that it had"
    yield f"output: {schedule.output}"


def _print_targets(rows: list[TargetLook], io: CommandIO) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("target", "last night", "outcome", "live", "since", "worth"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, _cells(row)))
    io.out.print()
    io.out.print(table)
    for row in rows:
        for note in _notes(row):
            io.err.print(f"{row.name}: {note}", markup=False, soft_wrap=True)


_UNTOLD = "cannot be told"


def _cells(row: TargetLook) -> tuple[str, ...]:
    from autotune.nightly.summary import outcome_words
    from autotune.report.text import ABSENT, times

    last, live = row.last, row.live
    speedup = (row.gain or {}).get("speedup")
    return (
        row.name,
        _local(last.started_at) if last else ABSENT,
        outcome_words(last.outcome) if last else _UNTOLD if row.problems else "no night yet",
        f"generation {live.number}" if live else ABSENT,
        _local(live.created_at) if live else ABSENT,
        times(speedup),
    )


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _notes(row: TargetLook) -> Iterator[str]:
    """What a person should know besides."""
    yield from row.problems
    if row.last is not None and row.last.hint:
        yield f"{row.last.why}; {row.last.hint}"
    if row.running is not None:
        yield f"{row.running.text} is running"
    elif row.open_steps:
        steps = ", ".join(dict.fromkeys(row.open_steps))
        yield f"a night was cut short in {steps}; the next one mends it before anything else"
    for problem in row.live.damage() if row.live else ():
        yield f"generation {row.live.number if row.live else ''}: {problem}"
