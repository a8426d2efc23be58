"""TTFT against decode: what each config gives of one for the other, and who is on the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autotune.report.page.cells import figure
from autotune.report.page.figures import Panel, Panels, Series
from autotune.report.page.gather import StudyData
from autotune.report.page.model import Cell, Grid, Plot, Section, section, words
from autotune.report.page.trials_section import is_incumbent, told
from autotune.report.text import changes
from autotune.search.ledger import COMPLETE

Trial = Mapping[str, Any]


def pareto_section(data: StudyData) -> Section | None:
    """The plot, with the front and the named configs in a table."""
    points = [t for t in data.trials if t["state"] == COMPLETE and _both(t)]
    if len(points) < 2:
        return None
    named = _named(data, points)
    front = pareto_front(points)
    series = [
        *_series("trials", "trial", points),
        _line(front),
        *(one for name, role, trial in named for one in _series(name, role, [trial])),
    ]
    drawn = Panels(
        name="pareto",
        title="TTFT against decode",
        described=f"TTFT and decode rate of {len(points)} trials; the front has {len(front)}",
        across="TTFT p50, seconds (less is better)",
        panels=(Panel("Decode p50, tokens per second (more is better)", tuple(series)),),
    )
    grid = _grid(front, named)
    return section("pareto", "TTFT against decode", Plot(drawn, grid))


def _both(trial: Trial) -> bool:
    metrics = trial["metrics"] or {}
    return metrics.get("ttft_p50_s") is not None and metrics.get("decode_p50_tps") is not None


def _ttft(trial: Trial) -> float:
    return float(trial["metrics"]["ttft_p50_s"])


def _decode(trial: Trial) -> float:
    return float(trial["metrics"]["decode_p50_tps"])


def pareto_front(points: Sequence[Trial]) -> list[Trial]:
    """Trials that no other beats in both TTFT and decode, by TTFT."""
    found: list[Trial] = []
    for trial in sorted(points, key=lambda t: (_ttft(t), -_decode(t))):
        if not found or _decode(trial) > _decode(found[-1]):
            found.append(trial)
    return found


def _named(data: StudyData, points: Sequence[Trial]) -> list[tuple[str, str, Trial]]:
    """Name, role and trial of those that a reader looks for."""
    other = "winner" if data.other == "tuned" else data.other
    role = "tuned" if data.other == "tuned" else "closest"
    found: list[tuple[str, str, Trial]] = []
    for trial in points:
        if not trial["changes"] and not any(name == "default" for name, _, _ in found):
            found.append(("default", "default", trial))
        elif trial["number"] == data.other_trial:
            found.append((other, role, trial))
        elif is_incumbent(trial):
            found.append(("incumbent", "incumbent", trial))
    return found


def _series(name: str, role: str, trials: Sequence[Trial]) -> list[Series]:
    ordered = sorted(trials, key=_ttft)
    return [
        Series(
            name=name,
            role=role,
            x=tuple(map(_ttft, ordered)),
            y=tuple(map(_decode, ordered)),
            shape="dots",
            told=tuple(map(told, ordered)),
        )
    ]


def _line(front: Sequence[Trial]) -> Series:
    x, y = tuple(map(_ttft, front)), tuple(map(_decode, front))
    return Series(name="front", role="front", x=x, y=y, shape="line")


def _grid(front: Sequence[Trial], named: Sequence[tuple[str, str, Trial]]) -> Grid:
    names = {trial["number"]: name for name, _, trial in named}
    rows = {trial["number"]: trial for trial in (*front, *(t for _, _, t in named))}
    on_front = {trial["number"] for trial in front}
    return Grid(
        heads=("#", "config", "TTFT p50 s", "tok/s", "on the front", "differs from the default"),
        rows=tuple(
            (
                Cell(str(number), float(number)),
                words(names.get(number)),
                figure(_ttft(trial)),
                figure(_decode(trial)),
                words("yes" if number in on_front else "no"),
                words(changes(trial["changes"] or {})),
            )
            for number, trial in sorted(rows.items(), key=lambda item: _ttft(item[1]))
        ),
        words=frozenset({1, 4, 5}),
        note="The front and the named configs; all trials are in their own table. One look each "
        "during the search: the confirmation above says how sure the winner is.",
    )
