"""The report of a table of serving paths: the same turns through each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.report.page.cells import count, figure, part, span
from autotune.report.page.compare_page import depth_plot
from autotune.report.page.model import Cell, Facts, Grid, Page, present, prose, section, words
from autotune.report.page.palette import arm_role
from autotune.report.page.turn_lines import lines_by_arm, records
from autotune.report.page.turns import Side, side, turns_plot
from autotune.report.paths import note_lines
from autotune.report.text import number, plural

if TYPE_CHECKING:
    from autotune.paths.table import PathRow, Table


def paths_page(folder: Path, table: Table) -> Page:
    """The page of the table in `folder`."""
    arms = [
        {"name": row.path, "by_depth": [asdict(bucket) for bucket in row.buckets]}
        for row in table.rows
    ]
    return Page(
        kind="paths",
        title=folder.name,
        verdict=_verdict(table),
        lead=(
            f"{table.workload}: {plural(table.sessions, 'session')}, "
            f"{plural(table.turns, 'turn')}, {table.history} history.",
        ),
        sections=present(
            [
                section("paths", "Serving paths", _grid(table)),
                section("depth", "By depth", depth_plot(arms)),
                section("turns", "Turn by turn", turns_plot(_sides(folder, table))),
                section("notes", "Notes", prose(_notes(table))),
                section("origin", "Measured on", Facts(tuple(_origin(table)))),
            ]
        ),
        records=tuple(_records(table)),
        document={
            "schema_version": "report/1", "kind": "paths", "name": folder.name,
            "table": table.to_json(),
        },
    )  # fmt: skip


def _notes(table: Table) -> list[str]:
    return [f"{line.rstrip('.')}." for line in note_lines(table)]


def _verdict(table: Table) -> str:
    """Who answers first, among paths whose deepest bucket is the same."""
    told = [(row.deepest.ttft_p50_s, row) for row in table.rows if row.deepest is not None]
    ranked = sorted((ttft, row.path) for ttft, row in told if ttft is not None)
    if len(ranked) < 2:
        return f"{plural(len(table.rows), 'serving path')} on the same turns."
    parts = ", ".join(f"{path} {number(ttft)} s" for ttft, path in ranked)
    return f"TTFT p50 at depth: {parts}."


def _grid(table: Table) -> Grid:
    return Grid(
        heads=("path", "serves", "deepest", "tokens", "TTFT p50 s", "TTFT p95 s", "wait", "tok/s",
               "cached", "n", "answered", "failed"),
        rows=tuple(tuple(_cells(row)) for row in table.rows),
        words=frozenset({0, 1, 2}),
        note="Figures are of the deepest bucket with enough turns, whose depth is the capture's.",
    )  # fmt: skip


def _cells(row: PathRow) -> Iterator[Cell]:
    deep = row.deepest
    yield words(row.path)
    yield words(row.serves)
    yield words(None if deep is None else deep.bucket)
    yield count(None if deep is None else deep.depth_p50_tokens)
    yield figure(None if deep is None else deep.ttft_p50_s)
    yield figure(None if deep is None else deep.ttft_p95_s)
    yield span(None if deep is None else deep.total_wait_s)
    yield figure(None if deep is None else deep.decode_p50_tps)
    yield part(None if deep is None else deep.cached_share)
    yield count(None if deep is None else deep.turns)
    yield Cell(f"{row.answered} of {row.planned}", float(row.answered))
    yield count(row.failed)


def _sides(folder: Path, table: Table) -> list[Side]:
    from autotune.paths.table import latest_block

    names = [row.path for row in table.rows]
    lines = lines_by_arm(folder / "turns.jsonl", lambda arm: arm in names)
    return [
        side(name, arm_role(at), latest_block(records(lines, name)))
        for at, name in enumerate(names)
    ]


def _origin(table: Table) -> Iterator[tuple[str, str]]:
    for row in table.rows:
        told = [row.serves, row.version, row.model, row.api, ", ".join(row.providers)]
        yield f"path {row.path}", ", ".join(str(one) for one in told if one)


def _records(table: Table) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        for bucket in row.buckets:
            found = asdict(bucket)
            del found["kinds"]
            yield {"path": row.path, "serves": row.serves, "model": row.model, **found}
