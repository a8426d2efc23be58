"""The table of serving paths on a terminal, and as rows for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from autotune.paths.prices import usd
from autotune.report.kinds import COUNTS, LEGEND, TIMES, counts, kinds_table, rows_of
from autotune.report.text import ABSENT, duration, number, plural, share
from autotune.scoring.warmth import Warmth

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.paths.table import DepthRow, PathRow, Table

_COLUMNS = (
    "path",
    "serves",
    "deepest",
    "tokens",
    *TIMES,
    "tok/s",
    "cached",
    "n",
)
_WORDS = frozenset({"path", "serves", "deepest", "depth"})
DIRECTIONAL = "*"


def print_table(table: Table, console: Console) -> None:
    """A row a path, then every path by depth, then what a reader must know."""
    told = f"{plural(table.sessions, 'session')}, {plural(table.turns, 'turn')}"
    console.print(Text(f"{table.workload}: {told}, {table.history} history", style="bold"))
    rows = _grid(*_COLUMNS)
    for row in table.rows:
        rows.add_row(*(Text(cell) for cell in _cells(row)))
    console.print(rows)
    if any(len(row.buckets) > 1 for row in table.rows):
        console.print()
        console.print(_by_depth(table))
    if kinds := kinds_table([(row.path, row.kinds) for row in table.rows], "path"):
        console.print()
        console.print(kinds)
    for line in note_lines(table):
        console.print(Text(line), soft_wrap=True)


def _grid(*columns: str) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for name in columns:
        grid.add_column(name, justify="left" if name in _WORDS else "right", overflow="fold")
    return grid


def _cells(row: PathRow) -> list[str]:
    head = [row.path, row.serves]
    if row.deepest is None:
        return [*head, *[ABSENT] * 7, "0"]
    return [*head, row.deepest.bucket, *_figures(row.deepest)]


def _figures(row: DepthRow) -> list[str]:
    return [
        number(row.depth_p50_tokens),
        number(row.ttft_p50_s),
        number(row.ttft_p95_s),
        duration(row.total_wait_s),
        number(row.decode_p50_tps),
        share(row.cached_share),
        f"{row.turns}{DIRECTIONAL if row.directional else ''}",
    ]


def _by_depth(table: Table) -> RichTable:
    grid = _grid("depth", "path", "tokens", *TIMES, "tok/s", "cached", COUNTS, "n")
    labels = dict.fromkeys(bucket.bucket for row in table.rows for bucket in row.buckets)
    for label in labels:
        for row in table.rows:
            for bucket in row.buckets:
                if bucket.bucket == label:
                    *figures, turns = _figures(bucket)
                    cells = [label, row.path, *figures, counts(bucket.kinds), turns]
                    grid.add_row(*(Text(cell) for cell in cells))
    return grid


def note_lines(table: Table) -> Iterator[str]:
    """What a reader of the table must know."""
    yield (
        "TTFT, tok/s (decode rate) and tokens are medians (p50) over n turns; wait is what they "
        "took in all."
    )
    if any(counts(row.kinds) != ABSENT for row in table.rows):
        yield LEGEND
    shown = [bucket for row in table.rows for bucket in row.buckets]
    if any(bucket.directional for bucket in shown):
        yield f"{DIRECTIONAL} fewer than 5 turns: directional"
    if {row.kind for row in table.rows} and len(table.rows) > 1:
        yield (
            "Depth is that of the capture, so a row is the same turns everywhere; tokens are each "
            "path's own count."
        )
    for row in table.rows:
        yield from _notes(row)


def _notes(row: PathRow) -> Iterator[str]:
    if row.answered < row.planned:
        why = f"; first: {row.first_failure}" if row.first_failure else ""
        yield f"{row.path}: {row.answered} of {row.planned} turns answered{why}"
    if row.marked:
        yield (
            f"{row.path}: {plural(row.marked, 'turn')} answered after a retry, a gap or by another "
            "provider, left out of the figures"
        )
    if row.answered and row.deepest is not None and row.deepest.cached_share is None:
        yield f"{row.path}: does not report cached tokens"
    if not row.fixed_length:
        yield f"{row.path}: the length of its replies cannot be pinned and varies"
    if row.hosted:
        yield f"{row.path}: its times include the network and the queue; a baseline, not tuned"
    if row.providers:
        yield f"{row.path}: served by {', '.join(row.providers)}"
    if row.cost_usd is not None:
        yield f"{row.path}: cost {usd(row.cost_usd)}"


_CSV = (
    "path",
    "serves",
    "version",
    "model",
    "api",
    "sessions",
    "depth",
    "turns",
    "directional",
    "depth_p50_tokens",
    "ttft_p50_s",
    "ttft_p95_s",
    "decode_p50_tps",
    "cached_share",
    "total_wait_s",
    *(f"{kind}_{what}" for kind in Warmth for what in ("turns", "ttft_p50_s")),
)


def to_csv(table: Table) -> str:
    """A line for each depth bucket of each path; absent is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV)
    for row in table.rows:
        for bucket in row.buckets:
            writer.writerow(
                [
                    row.path,
                    row.serves,
                    row.version,
                    row.model,
                    row.api,
                    row.sessions,
                    bucket.bucket,
                    bucket.turns,
                    str(bucket.directional).lower(),
                    bucket.depth_p50_tokens,
                    bucket.ttft_p50_s,
                    bucket.ttft_p95_s,
                    bucket.decode_p50_tps,
                    bucket.cached_share,
                    bucket.total_wait_s,
                    *_kind_cells(bucket),
                ]
            )
    return out.getvalue()


def _kind_cells(bucket: DepthRow) -> list[float | int | None]:
    """Turns and p50 TTFT of each kind; absent for a kind that there is not."""
    found = {row["kind"]: row for row in rows_of(bucket.kinds)}
    rows = (found.get(kind.value, {}) for kind in Warmth)
    return [cell for row in rows for cell in (row.get("turns", 0), row.get("ttft_p50_s"))]
