"""The table at the end of several studies: what each found, and its gain with an interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.errors import ExitCode
from autotune.report.text import ABSENT, changes, times

if TYPE_CHECKING:
    from rich.console import Console

_STATES: Mapping[int, str] = {
    int(ExitCode.DONE): "faster",
    int(ExitCode.NOTHING_BETTER): "nothing better",
    int(ExitCode.NO_FEASIBLE_TRIAL): "nothing runs",
    int(ExitCode.STOPPED_EARLY): "stopped",
    int(ExitCode.INTERRUPTED): "interrupted",
}
_STYLES = {"faster": "green", "failed": "red", "nothing runs": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GainRow:
    """What one study found. `state` is a word, `verdict` a sentence, or what went wrong.

    `settings` is what the winner changes, `speedup` the default's objective over the winner's with
    its 95% interval; ``None`` where nothing won. `study` is ``None`` where none was begun.
    """

    name: str
    gpu: str
    state: str
    verdict: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    speedup: float | None = None
    interval: tuple[float, float] | None = None
    study: str | None = None
    exit_code: int | None = None
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def state_of(exit_code: int) -> str:
    """How a study ended, in a word or two."""
    return _STATES.get(exit_code, "failed")


def gain_row(name: str, gpu: str, summary: Mapping[str, Any]) -> GainRow:
    """The row of a study that ended; `summary` is a `Summary` as plain data."""
    won = summary.get("winner") is not None
    interval = summary.get("interval") if won else None
    return GainRow(
        name=name,
        gpu=gpu,
        state=state_of(summary["exit_code"]),
        verdict=summary["verdict"],
        settings=summary.get("changes") or {} if won else {},
        speedup=summary.get("speedup") if won else None,
        interval=None if interval is None else (interval[0], interval[1]),
        study=summary.get("study"),
        exit_code=summary["exit_code"],
    )


def print_gains(rows: Sequence[GainRow], console: Console, first: str) -> None:
    """A row each, and below them each verdict. `first` heads the column of names."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in (first, "GPU", "found", "gain", "interval"):
        table.add_column(name, overflow="fold")
    table.add_column("config", overflow="fold", ratio=1)
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    for line in verdict_lines(rows):
        console.print(Text(line), soft_wrap=True)


def verdict_lines(rows: Iterable[GainRow]) -> list[str]:
    """A sentence on each that has one."""
    told = [(row, f"{row.verdict} ({row.hint})" if row.hint else row.verdict) for row in rows]
    return [f"{row.name}: {text}" for row, text in told if text]


def _cells(row: GainRow) -> list[Text]:
    low_high = ABSENT
    if row.interval is not None:
        low_high = f"{times(row.interval[0])} to {times(row.interval[1])}"
    config = changes(row.settings) if row.settings else ABSENT
    words = (row.name, row.gpu, row.state, times(row.speedup), low_high, config)
    style = _STYLES.get(row.state, "")
    return [Text(word, style=style if at == 2 else "") for at, word in enumerate(words)]
