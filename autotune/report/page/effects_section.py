"""Which settings matter: what each change of the winner is worth by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autotune.report.page.cells import bounds, ratio
from autotune.report.page.figures import Row, Rows
from autotune.report.page.model import Cell, Grid, Plot, Section, prose, section, words
from autotune.report.text import setting, times

Found = Mapping[str, Any]


def effects_section(summary: Found) -> Section | None:
    """``summary.effects`` and ``summary.needless`` of a study that has them."""
    effects: Sequence[Found] = summary.get("effects") or ()
    needless = _names(summary.get("needless") or ())
    dropped = f"Not needed for the gain: {', '.join(needless)}." if needless else ""
    return section("effects", "Which settings matter", effects_plot(effects), prose([dropped]))


def _names(needless: Any) -> list[str]:
    """Names with their values, as pairs, as rows or as one table."""
    rows = needless.items() if isinstance(needless, Mapping) else map(_pair, needless)
    return [name if value is None else f"{name}={setting(value)}" for name, value in rows]


def _pair(row: Any) -> tuple[str, Any]:
    if isinstance(row, Mapping):
        return str(row["name"]), row.get("value", row.get("after"))
    if isinstance(row, (list, tuple)):
        return str(row[0]), row[1]
    return str(row), None


def effects_plot(effects: Sequence[Found]) -> Plot | None:
    """What each change is worth, with its interval; ``None`` where none is known."""
    told = [row for row in effects if row.get("ratio")]
    if not told:
        return None
    drawn = Rows(
        name="effects",
        title="What each change of the winner is worth",
        described="; ".join(f"{row['name']} {times(row['ratio'])}" for row in told),
        across="times as fast with the change as without it",
        rows=tuple(
            Row(
                f"{row['name']}={setting(row.get('after'))}", row["ratio"], _role(row),
                row.get("low"), row.get("high"), _said(row),
            )
            for row in told
        ),
        reference=1.0,
    )  # fmt: skip
    return Plot(drawn, _grid(effects))


def _role(row: Found) -> str:
    return "tuned" if row.get("source") == "measured" else "trial"


def _said(row: Found) -> str:
    change = f"{setting(row.get('before'))} → {setting(row.get('after'))}"
    return f"{row['name']}: {change}\n{times(row['ratio'])} ({row.get('source') or 'estimate'})"


def _grid(effects: Sequence[Found]) -> Grid:
    return Grid(
        heads=("setting", "default", "winner", "speed-up", "interval", "known by"),
        rows=tuple(tuple(_cells(row)) for row in effects),
        words=frozenset({0, 1, 2, 5}),
    )


def _cells(row: Found) -> Iterator[Cell]:
    yield words(row["name"])
    yield words(setting(row.get("before")))
    yield words(setting(row.get("after")))
    yield ratio(row.get("ratio"))
    yield bounds(row.get("low"), row.get("high"))
    yield words(row.get("source"))
