"""Every trial: a table to sort and search, what failed, and how the search got where it did."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autotune.report.page.cells import count, figure, part, span
from autotune.report.page.figures import Panel, Panels, Series
from autotune.report.page.gather import StudyData
from autotune.report.page.model import Cell, Grid, Plot, Section, section, words
from autotune.report.text import changes, number, plural
from autotune.search.ledger import COMPLETE, DUPLICATE, INFEASIBLE, REFUSED, STOPPED
from autotune.search.planned import INCUMBENT

Trial = Mapping[str, Any]

_MARKS = {
    STOPPED: "stopped",
    INFEASIBLE: "failed",
    DUPLICATE: "repeated",
    REFUSED: "refused",
}
HEADS = (
    "#", "state", "s/turn", "TTFT p50 s", "TTFT p95 s", "tok/s", "cached", "wait", "took",
    "differs from the default", "log",
)  # fmt: skip


def trials_section(data: StudyData) -> Section | None:
    """The search, its failures and the table of all trials."""
    if not data.trials:
        return None
    return section(
        "trials",
        "Trials",
        history_plot(data),
        failures_grid(data.trials),
        trials_grid(data),
    )


def mark_of(trial: Trial, winner: int | None) -> str:
    """What a row stands for."""
    if trial["number"] == winner:
        return "winner"
    if trial["failure"] and trial["state"] not in (DUPLICATE, REFUSED):
        return "failed"
    if trial["state"] == COMPLETE and not trial["changes"]:
        return "default"
    return _MARKS.get(trial["state"], str(trial["state"]))


def trials_grid(data: StudyData) -> Grid:
    """A row a trial. Figures of one that was stopped are over fewer turns, and are left out."""
    marks = tuple(mark_of(trial, data.winner) for trial in data.trials)
    rows = tuple(tuple(_cells(trial, data.folder.logs, data.base)) for trial in data.trials)
    return Grid(
        heads=HEADS,
        rows=rows,
        words=frozenset({1, 9, 10}),
        marks=marks,
        sorts=True,
        note="s/turn of a trial that was stopped early is an estimate; its other figures are over "
        "fewer turns than those of the rest, and are left out.",
    )


def _cells(trial: Trial, logs: Path, base: Path) -> Iterator[Cell]:
    metrics = {} if trial["state"] == STOPPED else trial["metrics"] or {}
    took = trial["seconds"] or {}
    value = metrics.get("turn_s", trial["value"])
    yield Cell(str(trial["number"]), float(trial["number"]))
    yield words(trial["failure"] or trial["state"])
    yield figure(value)
    yield figure(metrics.get("ttft_p50_s"))
    yield figure(metrics.get("ttft_p95_s"))
    yield figure(metrics.get("decode_p50_tps"))
    yield part(metrics.get("cached_share"))
    yield span(metrics.get("total_wait_s"))
    yield span(sum(took.values()) if took else None)
    yield words(_differs(trial))
    yield _log(trial, logs, base)


def _differs(trial: Trial) -> str:
    told = changes(trial["changes"] or {})
    if trial["same_as"] is not None:
        return f"{told} (as trial {trial['same_as']})"
    return f"{told}: {trial['reason']}" if trial["reason"] else told


def _log(trial: Trial, logs: Path, base: Path) -> Cell:
    """A link to the engine's log, where it is still there."""
    if not trial["log"]:
        return words(None)
    for path in (logs / Path(trial["log"]).name, Path(trial["log"])):
        if path.is_file():
            return Cell("log", link=os.path.relpath(path, base))
    return words(None)


def failures_grid(trials: Sequence[Trial]) -> Grid | None:
    """A row for each kind of failure; ``None`` where nothing failed."""
    kinds: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial["failure"] and trial["state"] != DUPLICATE:
            kinds.setdefault(trial["failure"], []).append(trial)
    if not kinds:
        return None
    most = sorted(kinds.items(), key=lambda item: -len(item[1]))
    return Grid(
        title="What failed",
        heads=("kind", "trials", "seconds", "the first one's reason"),
        rows=tuple(
            (
                words(kind),
                count(len(rows)),
                span(sum(sum((t["seconds"] or {}).values()) for t in rows)),
                words(rows[0]["reason"]),
            )
            for kind, rows in most
        ),
        words=frozenset({0, 3}),
    )


def history_plot(data: StudyData) -> Plot | None:
    """The objective by trial with the best so far; ``None`` for fewer than three values."""
    whole = [t for t in data.trials if t["state"] == COMPLETE and t["value"] is not None]
    if len(whole) < 3:
        return None
    stopped = [t for t in data.trials if t["state"] == STOPPED and t["value"] is not None]
    series = [
        _dots("measured whole", "trial", whole),
        _dots("stopped early (estimate)", "stopped", stopped),
        _best(whole),
    ]
    drawn = Panels(
        name="history",
        title=f"The search: {plural(len(data.measured), 'trial')}",
        described="the objective of each trial in the order in which they ran, and the best so far",
        across="trial",
        panels=(Panel("Objective (seconds), less is better", tuple(s for s in series if s.x)),),
    )
    return Plot(drawn, numbers_in="trials")


def _dots(name: str, role: str, trials: Sequence[Trial]) -> Series:
    return Series(
        name=name,
        role=role,
        x=tuple(float(t["number"]) for t in trials),
        y=tuple(t["value"] for t in trials),
        shape="dots",
        told=tuple(told(t) for t in trials),
    )


def _best(whole: Sequence[Trial]) -> Series:
    steps: list[tuple[float, float]] = []
    best: float | None = None
    for trial in whole:
        if best is None or trial["value"] < best:
            if best is not None:
                steps.append((float(trial["number"]), best))
            best = float(trial["value"])
            steps.append((float(trial["number"]), best))
    if best is not None:
        steps.append((float(whole[-1]["number"]), best))
    x, y = zip(*steps, strict=True)
    return Series(name="best so far", role="tuned", x=x, y=y, shape="line")


def told(trial: Trial) -> str:
    """What a trial's point says."""
    label = f" ({trial['label']})" if trial["label"] else ""
    metrics = trial["metrics"] or {}
    differs = _wrapped(changes(trial["changes"] or {}))
    return (
        f"trial {trial['number']}{label}: {number(trial['value'])} s\n"
        f"TTFT {number(metrics.get('ttft_p50_s'))} s, "
        f"{number(metrics.get('decode_p50_tps'))} tok/s\n{differs}"
    )


def _wrapped(text: str, most: int = 3) -> str:
    """Settings a line each, as a label has little room."""
    parts = text.split(", ")
    more = len(parts) - most
    return "\n".join(parts[:most]) + (f"\nand {more} more" if more > 0 else "")


def is_incumbent(trial: Trial) -> bool:
    """Whether it is the config that was in use before."""
    return bool(trial["label"] == INCUMBENT)
