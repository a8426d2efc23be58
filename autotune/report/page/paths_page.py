"""The report of a table of serving paths: the same turns through each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.paths.table import FEW_TURNS
from autotune.report.page.cells import count, figure, part, span
from autotune.report.page.compare_page import depth_plot
from autotune.report.page.model import Cell, Facts, Grid, Page, present, prose, section, words
from autotune.report.page.palette import arm_role
from autotune.report.page.turn_lines import lines_by_arm, records
from autotune.report.page.turns import Side, side, turns_plot
from autotune.report.paths import note_lines
from autotune.report.text import number, plural, times

if TYPE_CHECKING:
    from autotune.paths.table import DepthRow, PathRow, Table


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
        lead=tuple(_lead(table)),
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
    """Who answers first, over turns that every path was asked."""
    bucket, rows = common(table)
    ranked = sorted((row.ttft_p50_s, path) for path, row in rows if row.ttft_p50_s is not None)
    if len(ranked) < 2:
        return f"{plural(len(table.rows), 'serving path')} on the same turns."
    (best, first), *others = ranked
    rest = ", ".join(f"{path} {number(ttft)} s ({_longer(ttft, best)})" for ttft, path in others)
    return f"{first} answers first at {bucket}: TTFT p50 {number(best)} s; {rest}."


def _longer(ttft_s: float, best_s: float) -> str:
    return f"{times(ttft_s / best_s)} as long" if best_s > 0 else "longer"


def common(table: Table) -> tuple[str, list[tuple[str, DepthRow]]]:
    """The deepest bucket in which every path has enough turns, with each path's row of it.

    Where there is none with enough it is the deepest that all have; no rows where none is shared.
    """
    found = [{row.bucket: row for row in path.buckets} for path in table.rows]
    shared = [b for b in (found[0] if found else ()) if all(b in rows for rows in found)]
    enough = [b for b in shared if not any(rows[b].directional for rows in found)]
    if not shared:
        return "", []
    bucket = (enough or shared)[-1]
    return bucket, [(p.path, rows[bucket]) for p, rows in zip(table.rows, found, strict=True)]


def _lead(table: Table) -> Iterator[str]:
    yield (
        f"{table.workload}: {plural(table.sessions, 'session')}, "
        f"{plural(table.turns, 'turn')}, {table.history} history."
    )
    _, rows = common(table)
    rates = [f"{path} {number(r.decode_p50_tps)} tok/s" for path, r in rows if r.decode_p50_tps]
    if len(rates) > 1:
        yield f"Decode p50 there: {', '.join(rates)}."
    if any(row.directional for _, row in rows):
        yield f"That is of fewer than {FEW_TURNS} turns: it says where to look, no more."
    if len(table.rows) > 1:
        yield "Each path was looked at once: autotune compare says whether a difference is real."


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
