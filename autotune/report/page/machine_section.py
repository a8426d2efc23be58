"""How far the figures can be trusted: quality guard, noise floor, what was set aside, and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autotune.report.ladder import ladder_lines
from autotune.report.noise import NAMES, noise_lines, percent
from autotune.report.page.cells import count, part, span
from autotune.report.page.figures import Row, Rows
from autotune.report.page.gather import StudyData
from autotune.report.page.model import Block, Cell, Grid, Plot, Section, prose, section, words
from autotune.report.quality import figures_text, quality_lines
from autotune.report.text import changes, duration

Found = Mapping[str, Any]

PARTS = {
    "trials": "everything of the search's trials",
    "confirmation": "the confirmation",
    "setup": "reading, and counting prompts",
    "load": "launching and stopping engines",
    "prime": "requests before the first turn",
    "measure": "turns of trials",
    "re-measure": "the default again, and what was disturbed",
    "confirm": "the confirmation",
    "hold": "filling the winner to depth",
    "quality": "the quality guard",
    "questions": "asked after a replay",
    "cut off": "ended by an interrupt",
    "overhead": "the search's own reckoning",
}
"""Parts of a study's time in words, as `autotune.search.account` books them."""


def quality_section(summary: Found) -> Section | None:
    """What the guard asked and refused; a sentence where there was no guard."""
    quality = summary.get("quality")
    if not quality:
        told = [
            "No setting that can change the model's words was searched, so nothing was guarded."
        ]
        return section("quality", "Quality guard", prose(told)) if summary else None
    lines = [line for line in quality_lines(quality) if not line.startswith("refused")]
    return section("quality", "Quality guard", prose(lines), _refused(quality.get("refused") or ()))


def _refused(refused: Iterable[Found]) -> Grid | None:
    rows = tuple(
        (
            words(changes(row["settings"])),
            words("; ".join(row["reasons"])),
            words(figures_text(row.get("figures"))),
        )
        for row in refused
    )
    heads = ("refused for quality", "why", "figures")
    return Grid(heads=heads, rows=rows, words=frozenset({0, 1, 2})) if rows else None


def noise_section(summary: Found) -> Section | None:
    """The noise floor, drift, what was discarded, and the rungs of the ladder."""
    noise = summary.get("noise")
    ladder = list(ladder_lines(summary.get("ladder") or ()))
    return section(
        "noise",
        "Noise, and what was discarded",
        prose([line[:1].upper() + line[1:] + "." for line in noise_lines(noise)]),
        None if not noise else _floor_grid(noise["floor"]),
        _aside(noise["disturbed"]) if noise else None,
        prose([line[:1].upper() + line[1:] + "." for line in ladder], "soft"),
    )


def _floor_grid(floor: Found) -> Grid:
    widths = floor["half_widths"]
    rows = tuple(
        (words(name), Cell(percent(widths[key]), float(widths[key])))
        for key, name in NAMES.items()
        if key in widths
    )
    how = "measured" if floor.get("measured_at") else "assumed, not measured"
    return Grid(
        title="Noise floor: by how much two runs of the same config differ",
        heads=("metric", "up to"),
        rows=rows,
        note=f"{how}; {floor.get('pairs', 0)} pairs",
    )


def _aside(seen: Found) -> Block | None:
    if not (seen["again"] or seen["discarded_turns"] or seen["kept_spoiled"]):
        return prose(["Nothing was set aside: no measurement was disturbed by others."])
    return _aside_grid(seen)


def _aside_grid(seen: Found) -> Grid:
    return Grid(
        title="Set aside because others used the machine",
        heads=("", "measurements", "turns", "time", "share of all turn time"),
        rows=(
            (
                words("set aside and made again"),
                count(seen["again"]),
                count(seen["discarded_turns"]),
                span(seen["discarded_s"]),
                part(seen["share"]),
            ),
            (
                words("kept although disturbed"),
                count(seen["kept_spoiled"]),
                words(None),
                words(None),
                words(None),
            ),
        ),
        note="; ".join(str(reason) for reason in seen["reasons"][:3]),
    )


def time_section(data: StudyData) -> Section | None:
    """Where the time went, to the second."""
    parts = data.seconds
    if not parts:
        return None
    total = sum(parts.values())
    drawn = Rows(
        name="time",
        title=f"Where the time went: {duration(total)}",
        described=", ".join(f"{name} {duration(seconds)}" for name, seconds in parts.items()),
        across="seconds",
        rows=tuple(
            Row(name, seconds, "tuned", told=f"{PARTS.get(name, name)}: {duration(seconds)}")
            for name, seconds in parts.items()
        ),
    )
    grid = Grid(heads=("part", "time", "share", "what it is"), rows=tuple(_time(parts, total)),
                words=frozenset({0, 3}))  # fmt: skip
    return section("time", "Where the time went", Plot(drawn, grid))


def _time(parts: Mapping[str, float], total: float) -> Iterator[tuple[Cell, ...]]:
    for name, seconds in parts.items():
        yield words(name), span(seconds), part(seconds / total), words(PARTS.get(name))
    yield words("in all"), span(total), part(1.0), words(None)
