"""How a run ended: the verdict, before and after, what to start, where the time went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.errors import ExitCode
from autotune.report.effects import effects_lines, effects_table
from autotune.report.held import held_line
from autotune.report.kinds import (
    COUNTS,
    LEGEND,
    TIMES,
    counts,
    figures_table,
    kinds_table,
    times_of,
)
from autotune.report.ladder import ladder_lines
from autotune.report.noise import noise_lines
from autotune.report.quality import quality_lines
from autotune.report.reuse import reuse_block
from autotune.report.text import (
    ABSENT,
    duration,
    number,
    plural,
    setting,
    share,
    times,
)
from autotune.report.wrong_question import wrong_question
from autotune.search.events import BucketRow, Summary

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_STYLES = {
    int(ExitCode.DONE): "bold green",
    int(ExitCode.NOTHING_BETTER): "bold yellow",
    int(ExitCode.STOPPED_EARLY): "bold yellow",
    int(ExitCode.INTERRUPTED): "bold yellow",
}

_METRICS = {
    "turn_s": "a turn, s",
    "ttft_p50_s": "TTFT p50, s",
    "ttft_p95_s": "TTFT p95, s",
    "decode_p50_tps": "decode p50, tok/s",
    "total_wait_s": "waiting in all, s",
    "cached_share": "prompt from cache",
}


def print_summary(summary: Summary, console: Console) -> None:
    """Prints `summary`. What may be copied (commands, paths) is never wrapped."""
    style = _STYLES.get(summary.exit_code, "bold red")
    if console.is_terminal:
        console.print()
    console.print(Text(summary.verdict, style=style))
    if gain := _gain(summary):
        console.print(Text(gain))
    if summary.held is not None:
        console.print(held_line(summary.held))
    for block in _blocks(summary):
        console.print()
        console.print(block)
    _print_copyable(summary, console)
    console.print()
    console.print(Text(_time_spent(summary)))
    for line in noise_lines(summary.noise):
        console.print(Text(line))
    for line in ladder_lines(summary.ladder):
        console.print(Text(line))
    for line in effects_lines(asdict(summary)):
        console.print(Text(line))
    for line in quality_lines(summary.quality):
        console.print(Text(line))
    for note in summary.notes:
        console.print(Text(f"note: {note}"))
    if summary.resume is not None:
        _print_command(console, "To go on:", summary.resume)


def _gain(summary: Summary) -> str:
    """The speed-up, where the verdict does not name it already."""
    if summary.speedup is None or times(summary.speedup) in summary.verdict:
        return ""
    if summary.interval is None:
        return f"{times(summary.speedup)} the default's speed, not confirmed"
    low, high = summary.interval
    return f"{times(summary.speedup)} the default's speed, interval {times(low)} to {times(high)}"


def _blocks(summary: Summary) -> Iterator[RenderableType]:
    if summary.arms:
        rows = [asdict(row) for row in summary.arms]
        yield arms_table(rows, summary.engine, summary.winner)
    elif summary.before or summary.after:
        yield _metrics_table(summary.before, summary.after, _other(summary))
    if summary.buckets:
        yield _buckets_table(summary.buckets, _other(summary))
    if kinds := _kinds(summary):
        yield kinds
    if (worth := effects_table(summary.effects)) is not None:
        yield worth
    elif summary.changes:
        yield _changes_table(summary.changes)
    if summary.usual_chart is not None and (said := wrong_question(asdict(summary.usual_chart))):
        yield said
    if (reuse := reuse_block(summary.reuse)) is not None:
        yield reuse


def arms_table(
    arms: Iterable[Mapping[str, Any]], engine: str | None, winner: int | None
) -> RenderableType:
    """A row for each config of each engine, that of trial `winner` of `engine` marked.

    Each is an `ArmRow` as plain data. Depth is by that engine's own count.
    """
    table = Table(
        title="Each engine on the same turns",
        caption="depth in tokens of the scored turns, as each engine counts them; wait is over "
        "all turns; range is the 95% interval",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=0,
    )
    for at, name in enumerate(_ARM_COLUMNS):
        table.add_column(name, justify="right" if at > 1 else "left", overflow="fold")
    for row in arms:
        wins = row["engine"] == engine and row["trial"] == winner
        table.add_row(*(Text(cell) for cell in _arm_cells(row)), style="bold green" if wins else "")
    return table


_ARM_COLUMNS = (
    "engine", "config", "depth", "TTFT s", "p95 s", "wait", "tok/s", "s/turn", "speed", "range",
)  # fmt: skip


def _arm_cells(row: Mapping[str, Any]) -> list[str]:
    config = row["role"] if row["role"] == "default" else f"{row['role']} #{row['trial']}"
    if row["failure"] is not None:
        return [row["engine"], config, row["depth"], "failed", *[ABSENT] * 6]
    bounds = row["interval"]
    span = ABSENT if bounds is None else f"{bounds[0]:.2f}-{bounds[1]:.2f}"
    rates = [number(row[key]) for key in ("decode_p50_tps", "turn_s")]
    figures = [*times_of(row), *rates, times(row["speedup"])]
    return [row["engine"], config, row["depth"], *figures, span]


def _kinds(summary: Summary) -> RenderableType | None:
    """Cold, partial and warm turns of what was confirmed."""
    if summary.arms:
        return arms_kinds([asdict(row) for row in summary.arms])
    arms = (("default", summary.kinds_before), (_other(summary), summary.kinds_after))
    return kinds_table(arms)


def arms_kinds(arms: Iterable[Mapping[str, Any]]) -> RenderableType | None:
    """The same of each config of each engine; ``None`` where none says what it reused."""
    named = [(" ".join(_arm_cells(row)[:2]), row.get("kinds") or ()) for row in arms]
    return kinds_table(named)


def _other(summary: Summary) -> str:
    """What stands beside the default: the winner, or what came closest when nothing won."""
    return "closest" if summary.winner is None else "tuned"


def _table(title: str, *columns: str) -> Table:
    """A table whose first column is words and whose others are figures."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", show_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def _metrics_table(
    before: Mapping[str, float | None], after: Mapping[str, float | None], other: str
) -> RenderableType:
    table = _table(f"At the scored depth, default against {other}", "", "default", other, "change")
    known = [key for key in _METRICS if key in before or key in after]
    others = [key for key in (*before, *after) if key not in _METRICS]
    for key in dict.fromkeys([*known, *others]):
        old, new = before.get(key), after.get(key)
        show = share if key.endswith("_share") else number
        table.add_row(_METRICS.get(key, key), show(old), show(new), _change(key, old, new))
    return table


def _change(key: str, old: float | None, new: float | None) -> str:
    """What a person calls the difference: faster for times and rates, else the plain ratio."""
    if old is None or new is None or old <= 0 or new <= 0 or key.endswith("_share"):
        return ABSENT
    ratio = new / old if key.endswith("_tps") else old / new
    if not key.endswith(("_s", "_tps")):
        return times(new / old)
    return f"{times(ratio)} faster" if ratio >= 1 else f"{times(1 / ratio)} slower"


def _buckets_table(buckets: tuple[BucketRow, ...], other: str) -> RenderableType:
    columns = ("depth", "turns", "config", *TIMES, "tok/s", "cached", COUNTS)
    table = figures_table(f"By depth, default and {other}", *columns, caption=LEGEND)
    for row in buckets:
        known = asdict(row)
        table.add_row(row.bucket, str(row.turns), "default", *_bucket_cells(known, "before"))
        table.add_row("", "", other, *_bucket_cells(known, "after"))
    return table


def _bucket_cells(row: Mapping[str, Any], side: str) -> list[str]:
    known = {key: row[f"{key}_{side}"] for key in _BUCKET_KEYS}
    rest = [number(known["decode_p50_tps"]), share(known["cached_share"]), counts(known["kinds"])]
    return [*times_of(known), *rest]


_BUCKET_KEYS = (
    "ttft_p50_s", "ttft_p95_s", "total_wait_s", "decode_p50_tps", "cached_share", "kinds",
)  # fmt: skip


def _changes_table(changes: Mapping[str, object]) -> RenderableType:
    table = Table(title="What changed", box=None, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in changes.items():
        table.add_row(f"  {name}", setting(value))
    return table


def _print_copyable(summary: Summary, console: Console) -> None:
    if summary.launch_command is not None:
        tuned = summary.winner is not None
        title = "Start the tuned engine:" if tuned else "The defaults, written out:"
        _print_command(console, title, summary.launch_command)
    if summary.exports:
        console.print()
        console.print(Text("Exported:"))
        for path in summary.exports:
            _print_unbroken(console, f"  {path}")


def _print_command(console: Console, title: str, command: str) -> None:
    console.print()
    console.print(Text(title))
    _print_unbroken(console, f"  {command}")


def _print_unbroken(console: Console, line: str) -> None:
    """One line however long: the terminal wraps it, and a copy holds no line break."""
    console.print(Text(line), soft_wrap=True)


def _time_spent(summary: Summary) -> str:
    failed = f", {summary.failed} failed" if summary.failed else ""
    text = f"{plural(summary.trials, 'trial')}{failed}"
    spent = {name: seconds for name, seconds in summary.seconds.items() if name != "total"}
    if not spent:
        return f"{text}. Study: {summary.study_dir}"
    total = summary.seconds.get("total", sum(spent.values()))
    largest = sorted(spent.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in largest)
    return f"{text} in {duration(total)}: {parts}. Study: {summary.study_dir}"
