"""What a redaction found, as a table: counts by rule and never any text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from autotune.report.text import plural

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from autotune.workload.redaction.report import RedactionReport, TokenCount


def print_redaction_report(report: RedactionReport, console: Console, out: Path | None) -> None:
    """Prints `report`; `out` is where the captures were written, if they were."""
    if report.rules:
        console.print(_rules_table(report))
    for line in _lines(report, out):
        console.print(line, markup=False, soft_wrap=True)


def _rules_table(report: RedactionReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("rule")
    for name in ("values", "places", "sessions"):
        table.add_column(name, justify="right")
    for rule in report.rules:
        table.add_row(rule.rule, str(rule.values), str(rule.places), str(rule.sessions))
    return table


def _lines(report: RedactionReport, out: Path | None) -> Iterator[str]:
    what = f"{plural(report.sessions, 'session')}, {plural(report.turns, 'turn')}"
    if out is None:
        found = (
            f"{plural(report.found, 'place')} to redact" if report.found else "nothing to redact"
        )
        yield f"{what}: {found}"
    else:
        yield f"{what} in {out}; {plural(report.verified_lines, 'line')} checked"
        yield from _token_line(report.tokens)
    if report.images:
        left = "a pixel stands for each" if report.text == "none" else "not looked into"
        yield f"{plural(report.images, 'image')}: {left}"


def _token_line(tokens: TokenCount) -> Iterator[str]:
    """How the token counts fared."""
    if not tokens.texts:
        return
    changed = plural(tokens.texts, "text")
    if not tokens.exact:
        yield f"{changed} changed, about {tokens.before} tokens; --model keeps counts exact"
    elif tokens.inexact_texts:
        yield (
            f"{changed} changed, {tokens.before} tokens, now {tokens.after}; "
            f"{plural(tokens.inexact_texts, 'count')} not kept"
        )
    else:
        yield f"{changed} changed, {tokens.before} tokens before and after"
