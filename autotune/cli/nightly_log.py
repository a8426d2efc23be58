"""``autotune nightly log``: the nights that were, as a table, or one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import one_or_all, past_targets
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode, MachineError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.nightly.night_record import Night
    from autotune.nightly.nights import Nights

_STYLES = {
    "promoted": "bold green",
    "failed": "bold red",
    "rolled-back": "red",
    "stopped": "yellow",
}


class NightlyLog(StudiesSettings):
    """The nights that were: what was decided, measured and done.

    A row a night, the last one first. With --night one night's page, in Markdown: what changed,
    what was decided and why, what was measured, what went live or why nothing did, and where the
    time went.

    Examples:
        autotune nightly log
        autotune nightly log coder --rows 50
        autotune nightly log --night last
        autotune nightly log coder --night 2026-11-23 > night.md
        autotune nightly log --json
    """

    target: CliPositionalArg[str | None] = Field(
        None, description="only this target's nights (default: all)"
    )
    night: str | None = Field(
        None, description="one night's page: last, or how its name begins, e.g. 2026-11-23"
    )
    rows: int = Field(20, ge=1, description="nights listed at most")

    def run(self, io: CommandIO) -> int:
        """Reads what nights kept."""
        nights = self._nights()
        if self.night is None:
            found, unread = _newest(nights, self.rows)
            _show_table(found, unread, several=len(nights) > 1, io=io)
            return int(ExitCode.MACHINE if unread else ExitCode.DONE)
        _show_pages(_asked(nights, self.night), io)
        return int(ExitCode.DONE)

    def _nights(self) -> dict[str, Nights]:
        from autotune.nightly.nights import Nights
        from autotune.nightly.prune import state_folder

        names = one_or_all(self.target, past_targets(self.studies_dir))
        return {name: Nights.of(state_folder(self.studies_dir, name)) for name in names}


def _newest(nights: dict[str, Nights], rows: int) -> tuple[list[Night], list[str]]:
    """The newest of all targets, and what could not be read; no more are read than are shown."""
    stamps = [(stamp, name) for name, kept in nights.items() for stamp in kept.stamps()]
    found, unread = [], []
    for stamp, name in sorted(stamps, reverse=True)[:rows]:
        try:
            found.append(nights[name].read(stamp))
        except MachineError as error:
            unread.append(f"{error.message}; {error.hint}")
    return found, unread


def _asked(nights: dict[str, Nights], asked: str) -> list[Night]:
    """Of each target the night that is asked for. Raises `UserError` when none has it."""
    found, refused = [], []
    for kept in nights.values():
        try:
            found.append(kept.read(kept.find(asked)))
        except UserError as error:
            refused.append(error)
    if found:
        return found
    if refused:
        raise refused[-1]
    raise UserError("there is no target yet", "docs/nightly.md says how to write one")


def _show_pages(found: list[Night], io: CommandIO) -> None:
    from autotune.nightly.summary import night_markdown

    if io.json:
        io.emit_json({"nights": [night.to_json() for night in found]})
        return
    pages = "\n".join(night_markdown(night) for night in found)
    io.out.print(pages, markup=False, soft_wrap=True, end="")


def _show_table(found: list[Night], unread: list[str], *, several: bool, io: CommandIO) -> None:
    if io.json:
        io.emit_json({"nights": [night.to_json() for night in found], "unread": unread})
        return
    if found:
        print_nights(found, io.out, several=several)
    for text in unread:
        io.err.print(text, markup=False, soft_wrap=True)
    if not found and not unread:
        io.err.print("no night yet; autotune nightly install begins them", markup=False)


def print_nights(found: list[Night], console: Console, *, several: bool) -> None:
    """A row a night; with `several` targets, whose it was."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in (*(["target"] if several else []), *_COLUMNS):
        right = name in ("took", "speed-up")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for night in found:
        row = night_row(night)
        cells = [row[name] for name in ("target", *_COLUMNS)][0 if several else 1 :]
        table.add_row(*map(Text, cells), style=_STYLES.get(night.outcome.value, ""))
    console.print(table)


_COLUMNS = ("night", "outcome", "speed-up", "took", "why")


def night_row(night: Night) -> dict[str, str]:
    """One night's cells. The speed-up is of the best against the config in use."""
    from autotune.nightly.summary import outcome_words
    from autotune.report.text import duration, times

    tuning: Any = night.tuning
    return {
        "target": night.target,
        "night": night.started_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        "outcome": outcome_words(night.outcome),
        "speed-up": times(tuning.speedup if tuning else None),
        "took": duration(night.took_s),
        "why": night.why,
    }
