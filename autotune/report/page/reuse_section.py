"""Prefix reuse: what was computed again, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotune.report.page.cells import count, figure
from autotune.report.page.figures import Row, Rows
from autotune.report.page.model import Block, Cell, Grid, Plot, Section, prose, section, words
from autotune.report.reuse import reuse_lines
from autotune.report.text import number, plural

Found = Mapping[str, Any]


def reuse_section(explained: Mapping[str, Found]) -> Section | None:
    """What is known of each explained config, by its name."""
    blocks: list[Block | None] = []
    for name, summary in explained.items():
        blocks.append(prose([_head(name, summary), *_in_time(name, summary)]))
        blocks.append(_plot(name, summary))
    return section("reuse", "Prefix reuse, and what was lost", *blocks)


def _head(name: str, summary: Found) -> str:
    return next(iter(reuse_lines(name, summary)), "")


def _in_time(name: str, summary: Found) -> Iterator[str]:
    """What is said of hits that save nothing: it stands behind the lines of the causes."""
    for line in reuse_lines(name, {**summary, "causes": []}):
        if line.startswith("  "):
            yield line.strip()


def _plot(name: str, summary: Found) -> Plot | None:
    causes = summary["causes"]
    if not causes:
        return None
    timed = all(row["seconds"] is not None for row in causes)
    key, unit = ("seconds", "seconds of prefill, all sessions") if timed else ("tokens", "tokens")
    role = "default" if name == "default" else "tuned"
    drawn = Rows(
        name=f"reuse-{name}",
        title=f"Computed again, {name}: {plural(sum(r['turns'] for r in causes), 'turn')}",
        described="; ".join(f"{row['words']}: {number(row[key])} {key}" for row in causes),
        across=unit,
        rows=tuple(
            Row(row["words"], float(row[key]), role, told=f"{row['words']}: {row['remedy']}")
            for row in causes
        ),
    )
    return Plot(drawn, _grid(causes))


def _grid(causes: Any) -> Grid:
    return Grid(
        heads=("lost to", "turns", "tokens", "seconds", "most at once", "what helps"),
        rows=tuple(tuple(_cells(row)) for row in causes),
        words=frozenset({0, 4, 5}),
    )


def _cells(row: Found) -> Iterator[Cell]:
    yield words(row["words"])
    yield count(row["turns"])
    yield count(row["tokens"])
    yield figure(row["seconds"])
    worst = f"{row['worst_tokens']:,} tokens"
    yield words(f"{worst}: {row['worst_detail']}" if row["worst_detail"] else worst)
    yield words(row["remedy"])
