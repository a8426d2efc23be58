"""The report of a comparison: what each arm measured, and what can be said of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autotune.report.compare_words import could_see, ended_line, head_line, metric_name, note_lines
from autotune.report.page.cells import bounds, count, figure, part, ratio, span
from autotune.report.page.figures import Panel, Panels, Row, Rows, Series
from autotune.report.page.model import (
    Cell,
    Facts,
    Grid,
    Page,
    Plot,
    Section,
    Tone,
    present,
    prose,
    section,
    words,
)
from autotune.report.page.palette import arm_role
from autotune.report.page.turn_lines import lines_by_arm, records
from autotune.report.page.turns import Side, side, turns_plot
from autotune.report.text import ABSENT, changes, number, share, times

Found = Mapping[str, Any]

_BUCKET = (
    ("TTFT p50, seconds", "ttft_p50_s"),
    ("Decode p50, tokens per second", "decode_p50_tps"),
    ("Prompt from cache", "cached_share"),
)

UNSEEN = 20.0
"""A bar that is so many times shorter than another one cannot be seen."""


def compare_page(folder: Path, document: Found, extra: Sequence[Section | None] = ()) -> Page:
    """The page of ``compare.json`` in `folder`; `extra` sections stand behind the verdicts."""
    arms: Sequence[Found] = document["arms"]
    return Page(
        kind="compare",
        title=folder.name,
        verdict=_verdict(document),
        tone=_tone(document),
        lead=(f"{head_line(document)}.", _sentence(ended_line(document))),
        sections=present(
            [
                section("arms", "Arms", _figures(arms)),
                verdicts_section(document),
                *extra,
                section("depth", "By depth", depth_plot(arms)),
                section("turns", "Turn by turn", turns_plot(_sides(folder, arms))),
                section(
                    "notes", "Notes", prose([_sentence(line) for line in note_lines(document)])
                ),
                section("origin", "Measured on", Facts(tuple(_origin(document)))),
            ]
        ),
        records=tuple(_records(arms)),
        document={"schema_version": "report/1", "kind": "compare", **_plain(folder, document)},
    )


def _sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:].rstrip('.')}."


def _plain(folder: Path, document: Found) -> dict[str, Any]:
    return {"name": folder.name, "compare": dict(document)}


def _said(row: Found) -> str:
    if row["verdict"] not in ("faster", "slower"):
        return f"{row['arm']} and {row['baseline']} cannot be told apart"
    ends = (row["low"], row["high"]) if row["verdict"] == "faster" else (row["high"], row["low"])
    size, low, high = (_size(value, row["verdict"]) for value in (row["ratio"], *ends))
    where = "" if ABSENT in (low, high) else f" (interval {low} to {high})"
    return f"{row['arm']} is {size} {row['verdict']} than {row['baseline']}{where}"


def _size(ratio_: float | None, verdict: str) -> str:
    """A speed-up as a person says it: 0.5x the speed is 2.00x slower."""
    return times(ratio_ if verdict == "faster" or not ratio_ else 1 / ratio_)


def _overall(document: Found, metric: str | None = None) -> list[Found]:
    rows: Sequence[Found] = document["verdicts"]
    depth = rows[0]["depth"] if rows else None
    return [r for r in rows if r["depth"] == depth and metric in (None, r["metric"])]


def _verdict(document: Found) -> str:
    rows = _overall(document, "turn_s")
    if not rows:
        return "Not finished: nothing can be said of the difference yet."
    return "; ".join(_said(row) for row in rows) + ", in seconds per turn."


def _tone(document: Found) -> Tone:
    told = [row["verdict"] for row in _overall(document, "turn_s")]
    return "good" if any(t in ("faster", "slower") for t in told) else "even" if told else "plain"


def _figures(arms: Sequence[Found]) -> Grid | None:
    found = [(arm, arm["figures"]) for arm in arms if arm.get("figures")]
    if not found:
        return None
    return Grid(
        heads=("arm", "n", "TTFT p50 s", "TTFT p95 s", "tok/s", "s/turn", "wait", "cached", "what"),
        rows=tuple(tuple(_arm_cells(arm, row)) for arm, row in found),
        words=frozenset({0, 8}),
    )


def _arm_cells(arm: Found, row: Found) -> Iterator[Cell]:
    yield words(arm["name"])
    yield count(row["turns"])
    yield figure(row["ttft_p50_s"])
    yield figure(row["ttft_p95_s"])
    yield figure(row["decode_p50_tps"])
    yield figure(row.get("turn_s"))
    yield span(row["total_wait_s"])
    yield part(row["cached_share"])
    engine = " ".join(str(arm[key]) for key in ("engine", "model") if arm.get(key))
    yield words(f"{engine}: {arm.get('origin') or changes(arm.get('settings') or {})}")


def verdicts_section(document: Found) -> Section | None:
    """Each metric of each arm against the baseline, with its interval."""
    rows = _overall(document)
    told = [row for row in rows if row["ratio"] is not None]
    if not told:
        return None
    several = len({row["arm"] for row in rows}) > 1
    names = [arm["name"] for arm in document["arms"]]
    drawn = Rows(
        name="verdicts",
        title=f"Speed-up over {document['baseline']}",
        described="; ".join(
            f"{r['arm']}, {metric_name(r['metric'])}: {r['verdict']}" for r in rows
        ),
        across=f"times as fast as {document['baseline']}",
        rows=tuple(_verdict_row(row, names, several=several) for row in told),
        reference=1.0,
    )
    return section("verdicts", "What can be said of the difference", Plot(drawn, _grid(rows)))


def _verdict_row(row: Found, names: Sequence[str], *, several: bool) -> Row:
    name = metric_name(row["metric"])
    named = f"{row['arm']}: {name}" if several else name
    said = f"{named}: {row['verdict']}, {times(row['ratio'])}"
    role = arm_role(names.index(row["arm"]))
    return Row(named, row["ratio"], role, row["low"], row["high"], said)


def _grid(rows: Sequence[Found]) -> Grid:
    return Grid(
        heads=("arm", "metric", "verdict", "speed-up", "interval", "could see", "pairs"),
        rows=tuple(
            (
                words(row["arm"]),
                words(metric_name(row["metric"])),
                words(row["verdict"]),
                ratio(row["ratio"]),
                bounds(row["low"], row["high"]),
                Cell(could_see(row), row["smallest_seen"]),
                count(row["pairs"]),
            )
            for row in rows
        ),
        words=frozenset({0, 1, 2}),
        note="could see: the smallest difference that would have shown",
    )


def depth_plot(arms: Sequence[Found]) -> Plot | None:
    """The arms in each depth bucket; ``None`` where none was measured."""
    labels = tuple(dict.fromkeys(row["bucket"] for arm in arms for row in arm.get("by_depth", ())))
    if not labels:
        return None
    shown = [(at, arm) for at, arm in enumerate(arms) if arm.get("by_depth")]
    panels = tuple(
        _panel(title, key, tuple(_bars(arm, at, labels, key) for at, arm in shown))
        for title, key in _BUCKET
    )
    drawn = Panels(
        name="depth",
        title="By depth",
        described=f"TTFT, decode rate and reuse of {', '.join(a['name'] for _, a in shown)}",
        across="depth: prompt tokens of the turn",
        panels=tuple(p for p in panels if any(list(s.known()) for s in p.series)),
        labels=labels,
    )
    return Plot(drawn, _depth_grid([arm for _, arm in shown], labels))


def _panel(title: str, key: str, bars: tuple[Series, ...]) -> Panel:
    """Bars begin at zero, but for times so unlike that the short ones would not be seen."""
    found = [y for series in bars for _, y in series.known() if y > 0]
    log = key == "ttft_p50_s" and max(found, default=0.0) >= UNSEEN * min(found, default=1.0)
    title = f"{title}, logarithmic" if log else title
    return Panel(title, bars, log=log, share=key == "cached_share")


def _bars(arm: Found, at: int, labels: Sequence[str], key: str) -> Series:
    found = {row["bucket"]: row for row in arm["by_depth"]}
    show = share if key == "cached_share" else number
    rows = [found.get(label) for label in labels]
    values = tuple(None if row is None else row[key] for row in rows)
    told = (f"{arm['name']}, {label}: {show(v)}" for label, v in zip(labels, values, strict=True))
    return Series(
        name=arm["name"],
        role=arm_role(at),
        x=tuple(float(place) for place in range(len(labels))),
        y=values,
        shape="bars",
        told=tuple(told),
    )


def _depth_grid(arms: Sequence[Found], labels: Sequence[str]) -> Grid:
    rows = [
        (
            words(label),
            words(arm["name"]),
            count(row["turns"]),
            figure(row["ttft_p50_s"]),
            figure(row["ttft_p95_s"]),
            figure(row["decode_p50_tps"]),
            part(row["cached_share"]),
            span(row["total_wait_s"]),
        )
        for label in labels
        for arm in arms
        for row in arm["by_depth"]
        if row["bucket"] == label
    ]
    heads = ("depth", "arm", "n", "TTFT p50 s", "TTFT p95 s", "tok/s", "cached", "wait")
    return Grid(heads=heads, rows=tuple(rows), words=frozenset({0, 1}))


def _sides(folder: Path, arms: Sequence[Found]) -> list[Side]:
    names = [arm["name"] for arm in arms]
    lines = lines_by_arm(folder / "turns.jsonl", lambda arm: arm in names)
    return [side(name, arm_role(at), records(lines, name)) for at, name in enumerate(names)]


def _origin(document: Found) -> Iterator[tuple[str, str]]:
    run = document["run"]
    yield "workload", f"{run['workload']} ({run['workload_digest']})"
    yield "GPU", str(document.get("gpu_name") or document["gpu"])
    yield "processor", str(document.get("host_cpu") or "?")
    for arm in document["arms"]:
        told = [arm.get(key) for key in ("engine", "engine_version", "model")]
        yield f"arm {arm['name']}", ", ".join(str(one) for one in told if one) or arm["kind"]
    yield "begun", str(document["created_at"])
    yield "last written", str(document["updated_at"])
    yield "autotune", str(document["autotune_version"])


def _records(arms: Sequence[Found]) -> Iterator[dict[str, Any]]:
    """A row an arm over all turns, and one for each of its depth buckets."""
    keys = (
        "bucket", "turns", "ttft_p50_s", "ttft_p95_s", "decode_p50_tps", "turn_s", "cached_share",
        "total_wait_s",
    )  # fmt: skip
    for arm in arms:
        rows = [arm["figures"], *arm.get("by_depth", ())] if arm.get("figures") else []
        for row in rows:
            yield {"arm": arm["name"], **{key: row.get(key) for key in keys}}
