"""Before and after: at the scored depth, by depth bucket, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autotune.report.kinds import COUNTS, LEGEND, counts
from autotune.report.page.cells import bounds, count, figure, part, ratio, span
from autotune.report.page.figures import Panel, Panels, Row, Rows, Series
from autotune.report.page.gather import StudyData
from autotune.report.page.model import Cell, Grid, Plot, Section, prose, section, words
from autotune.report.text import ABSENT, number, share, times
from autotune.report.wrong_question import wrong_question

Found = Mapping[str, Any]

METRICS = (
    ("turn_s", "seconds per turn"),
    ("ttft_p50_s", "TTFT p50, s"),
    ("ttft_p95_s", "TTFT p95, s"),
    ("decode_p50_tps", "decode p50, tok/s"),
    ("total_wait_s", "waiting in all, s"),
)
COMPARED = (
    ("turn_s", "seconds per turn"),
    ("ttft", "TTFT"),
    ("decode", "decode rate"),
    ("total_wait", "total waiting"),
)
_BUCKET = (
    ("TTFT p50, seconds", "ttft_p50_s"),
    ("Decode p50, tokens per second", "decode_p50_tps"),
    ("Prompt from cache", "cached_share"),
)


def depth_words(depth: Any) -> str:
    """The scored depth; of a contest each engine's own, as each counts tokens otherwise."""
    if isinstance(depth, Mapping):
        return ", ".join(f"{engine} {label}" for engine, label in depth.items())
    return str(depth or "")


def depth_section(data: StudyData) -> Section | None:
    """Everything of default against what stands beside it.

    ``None`` before a confirmation, and where nothing but the default was left to be confirmed.
    """
    summary = data.summary
    if summary.get("before") == summary.get("after"):
        return None
    return section(
        "depth",
        "Before and after",
        metrics_grid(summary, data.other, depth_words(data.result.get("depth"))),
        sure_plot(data.result.get("comparison"), data.other),
        depth_plot(summary.get("buckets") or (), data.other),
    )


def metrics_grid(summary: Found, other: str, depth: str) -> Grid | None:
    """Default against `other` at the scored depth."""
    before, after = summary.get("before") or {}, summary.get("after") or {}
    rows = [
        (words(name), figure(before.get(key)), figure(after.get(key)), _gain(key, before, after))
        for key, name in METRICS
        if key in before or key in after
    ]
    if not rows:
        return None
    where = f" ({depth})" if depth else ""
    return Grid(
        title=f"At the scored depth{where}",
        heads=("", "default", other, "speed-up"),
        rows=tuple(rows),
        note="TTFT and decode are medians over turns at that depth; waiting is over all turns.",
    )


def _gain(key: str, before: Found, after: Found) -> Cell:
    old, new = before.get(key), after.get(key)
    if not old or not new:
        return Cell(ABSENT)
    return ratio(new / old if key.endswith("_tps") else old / new)


def sure_plot(comparison: Found | None, other: str) -> Plot | None:
    """The speed-up of each metric with its interval, by the confirmation's paired turns."""
    found = [(name, (comparison or {}).get(key)) for key, name in COMPARED]
    rows = [(name, row) for name, row in found if row and row.get("ratio") is not None]
    if not rows or comparison is None:
        return None
    role = "tuned" if other == "tuned" else "closest"
    sure = comparison.get("confidence") or 0.95
    told = f"{comparison['pairs']} pairs of turns, {comparison['sessions']} sessions"
    drawn = Rows(
        name="sure",
        title=f"Speed-up over the default with its {100 * sure:.3g}% interval",
        described="; ".join(_said(name, row) for name, row in rows),
        across="times as fast as the default",
        rows=tuple(
            Row(name, row["ratio"], role, row.get("low"), row.get("high"), _said(name, row))
            for name, row in rows
        ),
        reference=1.0,
    )
    grid = Grid(
        heads=("metric", "speed-up", "interval"),
        rows=tuple(
            (words(name), ratio(row["ratio"]), bounds(row.get("low"), row.get("high")))
            for name, row in rows
        ),
        note=f"From {told}; drawn again by {comparison.get('unit', 'sessions')}.",
    )
    return Plot(drawn, grid)


def _said(name: str, row: Found) -> str:
    low, high = row.get("low"), row.get("high")
    where = "" if low is None or high is None else f", {times(low)} to {times(high)}"
    return f"{name} {times(row['ratio'])}{where}"


def depth_plot(buckets: Sequence[Found], other: str) -> Plot | None:
    """TTFT, decode and reuse of each depth bucket, default beside `other`."""
    if not buckets:
        return None
    role = "tuned" if other == "tuned" else "closest"
    sides = (("default", "default", "before"), (other, role, "after"))
    labels = tuple(str(row["bucket"]) for row in buckets)
    panels = tuple(
        Panel(title, tuple(_bars(buckets, key, *one) for one in sides), share=key == "cached_share")
        for title, key in _BUCKET
    )
    drawn = Panels(
        name="depth",
        title="By depth",
        described=f"TTFT, decode rate and reuse of default and {other} in {', '.join(labels)}",
        across="depth: prompt tokens of the turn",
        panels=tuple(
            panel for panel in panels if any(any(True for _ in s.known()) for s in panel.series)
        ),
        labels=labels,
    )
    return Plot(drawn, depth_grid(buckets, other))


def _bars(buckets: Sequence[Found], key: str, name: str, role: str, when: str) -> Series:
    values = tuple(row.get(f"{key}_{when}") for row in buckets)
    show = share if key == "cached_share" else number
    told = tuple(
        f"{name}, {row['bucket']}: {show(value)} over {row['turns']} turns"
        for row, value in zip(buckets, values, strict=True)
    )
    across = tuple(float(at) for at in range(len(buckets)))
    return Series(name=name, role=role, x=across, y=values, shape="bars", told=told)


def depth_grid(buckets: Sequence[Found], other: str) -> Grid:
    """A row for each bucket and config."""
    rows, marks = [], []
    for row in buckets:
        for name, when in (("default", "before"), (other, "after")):
            rows.append(tuple(_bucket_cells(row, name, when)))
            marks.append("default" if name == "default" else other.replace(" ", "-"))
    heads = ("depth", "config", "n", "TTFT p50 s", "TTFT p95 s", "wait", "decode p50 tok/s",
             "cached", COUNTS)  # fmt: skip
    return Grid(
        heads=heads, rows=tuple(rows), words=frozenset({0, 1}), marks=tuple(marks), note=LEGEND
    )


def _bucket_cells(row: Found, name: str, when: str) -> Iterator[Cell]:
    yield words(row["bucket"])
    yield words(name)
    yield count(row["turns"])
    yield figure(row.get(f"ttft_p50_s_{when}"))
    yield figure(row.get(f"ttft_p95_s_{when}"))
    yield span(row.get(f"total_wait_s_{when}"))
    yield figure(row.get(f"decode_p50_tps_{when}"))
    yield part(row.get(f"cached_share_{when}"))
    yield words(counts(row.get(f"kinds_{when}") or ()))


def sentences(data: StudyData) -> tuple[str, ...]:
    """What is said below the verdict: whether the winner held its depth."""
    told = str((data.summary.get("held") or {}).get("sentence") or "")
    return (f"{told[:1].upper()}{told[1:]}.",) if told else ()


def usual_section(data: StudyData) -> Section | None:
    """What the usual benchmark would have said of the same configs."""
    told = wrong_question(data.summary.get("usual_chart"))
    said = None if told is None else prose([told.plain])
    return section("usual", "The usual benchmark", said)
