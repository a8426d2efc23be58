"""What captures hold, as tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.report.text import ABSENT, number, plural, share

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.workload.inspect import CaptureReport
    from autotune.workload.model import Damage
    from autotune.workload.reuse import ReuseReport


def print_capture_report(report: CaptureReport, console: Console, *, rows: int) -> None:
    """Prints `report`; tables of files and sessions list `rows` at most."""
    console.print(Text(headline(report), style="bold"), soft_wrap=True)
    for block in (
        _files_table(report, rows),
        _sessions_table(report, rows),
        _buckets_table(report),
        _facts_table(report),
        *_reuse_blocks(report.reuse),
    ):
        console.print()
        console.print(block)
    if report.damage:
        console.print()
        console.print(_damage_table(report.damage))
    console.print()
    console.print(Text(f"digest {report.digest}"), soft_wrap=True)


def damage_lines(damage: tuple[Damage, ...]) -> Iterator[str]:
    """One line for each kind of damage in each file."""
    for entry in damage:
        where = f"{entry.file}:{entry.first_line}" if entry.first_line else entry.file
        detail = f" ({entry.detail})" if entry.detail else ""
        yield f"{where}: {entry.kind} x {entry.count}{detail}"


def headline(report: CaptureReport) -> str:
    """How much there is, how deep, and in which formats."""
    helpers = sum(session.parent is not None for session in report.sessions)
    aside = f" ({plural(helpers, 'sub-agent')})" if helpers else ""
    formats = ", ".join(sorted({file.format for file in report.files}))
    return (
        f"{plural(len(report.sessions), 'session')}{aside}, {plural(report.turns, 'turn')}, "
        f"{_tokens(report.max_depth)} tokens at the deepest; {formats}"
    )


def _table(title: str, *columns: str) -> Table:
    """A table whose first column is words and whose others are figures."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", show_edge=False)
    for index, column in enumerate(columns):
        table.add_column(
            column, justify="right" if index else "left", overflow="fold", no_wrap=index > 0
        )
    return table


def _files_table(report: CaptureReport, rows: int) -> Table:
    table = _table("Files", "file", "format", "sessions", "turns")
    for file in report.files[:rows]:
        table.add_row(Text(file.file), file.format, str(file.sessions), str(file.turns))
    return _with_rest(table, len(report.files) - rows)


def _sessions_table(report: CaptureReport, rows: int) -> Table:
    table = _table("Sessions, depth in tokens", "session", "turns", "first", "deepest")
    for session in report.sessions[:rows]:
        mark = "~" if session.estimated_turns == session.turns else ""
        table.add_row(
            Text(session.session_id),
            str(session.turns),
            f"{mark}{_tokens(session.first_depth)}",
            f"{mark}{_tokens(session.max_depth)}",
        )
    return _with_rest(table, len(report.sessions) - rows)


def _with_rest(table: Table, rest: int) -> Table:
    if rest > 0:
        table.add_row(Text(f"and {rest} more (--rows shows them)", style="dim"))
    return table


def _buckets_table(report: CaptureReport) -> Table:
    table = _table("By depth", "depth", "turns", "with TTFT", "recorded TTFT p50, s")
    for bucket in report.buckets:
        if bucket.turns:
            table.add_row(
                bucket.label,
                str(bucket.turns),
                str(bucket.ttft_turns),
                number(bucket.ttft_p50_s),
            )
    return table


def _facts_table(report: CaptureReport) -> Table:
    table = Table(title="Turns", box=None, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts(report):
        table.add_row(f"  {name}", value)
    return table


def facts(report: CaptureReport) -> Iterator[tuple[str, str]]:
    """What holds over all turns: a name and its value in words."""
    yield "growth a turn, median", _median_tokens(report.growth_p50_tokens)
    yield "reply, median", _median_tokens(report.reply_p50_tokens)
    yield "prompt from cache", _cached(report)
    yield "append-only", share(report.append_only_share)
    yield "boundaries", _counted(report.boundaries) or "none"
    yield "prompts", _counted(report.fidelity)
    if report.missing:
        yield "missing", _counted(report.missing)
    if report.pad_tokens:
        yield "padded", f"{_tokens(report.pad_tokens)} tokens"
    if report.failed_turns:
        yield "failed when recorded", plural(report.failed_turns, "turn")
    if report.estimated_turns:
        yield "depth estimated (~)", f"{plural(report.estimated_turns, 'turn')}, from characters"


def _reuse_blocks(reuse: ReuseReport) -> Iterator[Table]:
    """What a prefix cache could have held, and what broke the prefix."""
    if not reuse.turns:
        return
    table = Table(title="Prefix reuse", box=None, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(
        "  from the turn before",
        f"{share(reuse.reusable_share)} of all tokens, {share(reuse.reusable_share_p50)} in the "
        f"median turn",
    )
    held = ", ".join(f"{slots}: {share(part)}" for slots, part in reuse.ceilings.items())
    table.add_row("  at most, by slots", held)
    yield table
    if reuse.causes:
        broken = _table("Prefixes broken", "by", "turns", "tokens lost")
        for cause, turns in reuse.causes.items():
            broken.add_row(cause, str(turns), _tokens(reuse.lost_tokens.get(cause, 0)))
        yield broken


def _cached(report: CaptureReport) -> str:
    if report.cached_share is None:
        return f"{ABSENT} (not recorded)"
    return (
        f"{share(report.cached_share)} of all tokens, {share(report.cached_share_p50)} in the "
        f"median turn (recorded for {plural(report.cached_turns, 'turn')})"
    )


def _damage_table(damage: tuple[Damage, ...]) -> Table:
    table = Table(title="Damage", box=box.SIMPLE_HEAD, title_justify="left", show_edge=False)
    for column in ("file", "what", "count", "line", "turns lost", "detail"):
        table.add_column(column, overflow="fold")
    for entry in damage:
        table.add_row(
            Text(entry.file),
            entry.kind,
            str(entry.count),
            str(entry.first_line or ABSENT),
            "no" if entry.harmless else "yes",
            Text(entry.detail),
        )
    return table


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} x {count}" for name, count in sorted(counts.items()))


def _median_tokens(value: float | None) -> str:
    return ABSENT if value is None else f"{_tokens(round(value))} tokens"


def _tokens(count: int) -> str:
    return f"{count:,}"
