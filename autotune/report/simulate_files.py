"""The files that a comparison of strategies leaves: README, figures and curves as CSV, plots."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from autotune.report.simulate import document
from autotune.report.simulate_plot import plot
from autotune.report.simulate_words import COLUMNS, cells, facts, headline, legend
from autotune.strategies.curves import curves
from autotune.strategies.figures import Group, figures
from autotune.strategies.table import STRATEGIES
from autotune.study.files import write_json, write_text_atomic

SCHEMA_VERSION = "simulated-strategies/1"


def write_files(groups: Sequence[Group], folder: Path, command: str) -> list[Path]:
    """Write all of them; `command` makes them again. Raises `MachineError` for a full disk."""
    texts = {
        "README.md": readme(groups, command),
        "figures.csv": _csv(_figure_rows(groups)),
        "curves.csv": _csv(_curve_rows(groups)),
        **{f"{name}.svg": plot(rows) for name, rows in by_source(groups)},
    }
    for name, text in texts.items():
        write_text_atomic(folder / name, text)
    head = {"schema_version": SCHEMA_VERSION, "command": command}
    write_json(folder / "figures.json", {**head, **document(groups)})
    return [folder / name for name in (*texts, "figures.json")]


def by_source(groups: Sequence[Group]) -> list[tuple[str, list[Group]]]:
    """The groups of each source together."""
    order = sorted(groups, key=lambda g: g.source.name)
    return [(name, list(rows)) for name, rows in groupby(order, key=lambda g: g.source.name)]


def readme(groups: Sequence[Group], command: str) -> str:
    """What was compared, the tables and the pictures, as Markdown."""
    lines = ["# Search strategies side by side", "", *_strategies(groups), ""]
    lines += ["Made by:", "", "```sh", command, "```", ""]
    for line in legend(groups):
        lines += [line, ""]
    for group in groups:
        lines += [f"## {headline(group)}", "", facts(group), "", *_markdown(group), ""]
        lines += [f"![Regret over engine-seconds]({group.source.name}.svg)", ""]
    return "\n".join(lines)


def _strategies(groups: Sequence[Group]) -> Iterator[str]:
    names = dict.fromkeys(name for group in groups for name in group.results)
    for name in names:
        yield f"- `{name}`: {STRATEGIES[name].about}"


def _markdown(group: Group) -> Iterator[str]:
    heads = _full_heads()
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in figures(group):
        yield f"| {' | '.join(cells(row))} |"


def _full_heads() -> list[str]:
    """Column heads of one line each: the upper line goes on until another one begins."""
    upper, heads = "", []
    for column in COLUMNS:
        first, _, second = column.partition("\n")
        upper = first or upper
        heads.append(f"{upper} {second}".strip())
    return heads


def _figure_rows(groups: Iterable[Group]) -> Iterator[dict[str, object]]:
    for group in groups:
        for row in figures(group):
            yield {**_named(group), **asdict(row)}


def _curve_rows(groups: Iterable[Group]) -> Iterator[dict[str, object]]:
    for group in groups:
        for curve in curves(group):
            for point in curve.points:
                named = {**_named(group), "strategy": curve.strategy}
                yield {
                    **named,
                    "engine_s": round(point.engine_s, 1),
                    "regret_p25": _rounded(point.low),
                    "regret_p50": _rounded(point.median),
                    "regret_p75": _rounded(point.high),
                }


def _named(group: Group) -> dict[str, object]:
    return {"setup": group.source.name, "kind": group.source.kind, "budget_s": group.budget_s}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _csv(rows: Iterable[dict[str, object]]) -> str:
    every = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(every[0]) if every else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(every)
    return out.getvalue()
