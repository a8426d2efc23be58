"""The report of a contest: several engines on the same turns under one budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.report.page.cells import bounds, count, figure, ratio, span
from autotune.report.page.depth_section import sentences
from autotune.report.page.figures import Panel, Panels, Row, Rows, Series
from autotune.report.page.gather import DEFAULT, StudyData, confirmed_turns
from autotune.report.page.model import (
    Block,
    Cell,
    Grid,
    Page,
    Plot,
    Section,
    present,
    section,
    words,
)
from autotune.report.page.palette import ARMS, arm_role
from autotune.report.page.study_page import SIMULATED, document, study_page, trial_record
from autotune.report.page.trials_section import failures_grid, trials_grid
from autotune.report.page.turns import side, turns_plot
from autotune.report.text import changes, number, plural, times
from autotune.search.ledger import arm_name

Found = Mapping[str, Any]

SOURCE = "the confirmation across engines, median over its blocks"


def contest_page(data: StudyData, studies: Sequence[StudyData]) -> Page:
    """The contest's own verdict, its arms, and then what each engine's study adds."""
    page = study_page(data)
    kept = {one.name: one for one in page.sections}
    first = [kept.get("launch"), arms_section(data.summary), turns_section(data)]
    own = [kept.get(name) for name in ("depth", "reuse", "quality", "noise", "time", "notes")]
    engines = [engine_section(one) for one in studies]
    return replace(
        page,
        kind="contest",
        lead=tuple(_lead(data, studies)),
        sections=present([*first, *own, *engines, kept.get("origin")]),
        records=tuple(
            {"engine": one.name, **trial_record(trial)} for one in studies for trial in one.trials
        ),
        document={**document(data), "kind": "contest", "engines": [document(s) for s in studies]},
    )


def _lead(data: StudyData, studies: Sequence[StudyData]) -> Iterator[str]:
    if data.simulated:
        yield SIMULATED
    yield from sentences(data)
    trials = (f"{one.name} {plural(len(one.measured), 'trial')}" for one in studies)
    where = data.provenance.get("gpu_name") or data.provenance.get("gpu")
    yield f"On {where}: {', '.join(trials)}."


def arms_section(summary: Found) -> Section | None:
    """Each config of each engine that was confirmed."""
    arms: Sequence[Found] = summary.get("arms") or ()
    if not arms:
        return None
    won = (summary.get("engine"), summary.get("winner"))
    return section("arms", "Each engine on the same turns", *_plots(arms), _grid(arms, won))


def turns_section(data: StudyData) -> Section | None:
    """The configs of the last confirmation turn by turn, on the same turns of every engine."""
    found = confirmed_turns(data.folder)
    arms = followed(data.summary.get("arms") or ())
    sides = [
        side(_name(row), arm_role(at), found.get(_turns_name(row), ()))
        for at, row in enumerate(arms)
    ]
    return section("turns", "Turn by turn", turns_plot(sides, SOURCE))


def followed(arms: Sequence[Found]) -> list[Found]:
    """The configs that are followed turn by turn, in their order: what others are compared with,
    and the fastest, as many as there are colours."""
    best = sorted(
        (row for row in arms if row["ttft_p50_s"] is not None),
        key=lambda row: (row["speedup"] is not None, -(row["speedup"] or 0.0)),
    )[: len(ARMS)]
    return [row for row in arms if any(row is one for one in best)]


def _turns_name(row: Found) -> str:
    """What the turn log calls a config in a confirmation (`autotune.search.contest.arms`)."""
    which = row["role"] if row["role"] == DEFAULT else arm_name(row["trial"])
    return f"{row['engine']}-{which}"


def _name(row: Found) -> str:
    return f"{row['engine']} {_role(row)}"


def _role(row: Found) -> str:
    return str(row["role"]) if row["role"] == DEFAULT else f"{row['role']} #{row['trial']}"


def _plots(arms: Sequence[Found]) -> Iterator[Block]:
    ran = [row for row in arms if row["ttft_p50_s"] is not None]
    if ran:
        yield Plot(_figures(ran), numbers_in="arms")
    rated = [row for row in arms if row["speedup"] is not None]
    if rated:
        yield Plot(_speed(rated), numbers_in="arms")


def _figures(arms: Sequence[Found]) -> Panels:
    labels = tuple(_name(row) for row in arms)
    keys = (
        ("TTFT p50, seconds", "ttft_p50_s"),
        ("Decode p50, tokens per second", "decode_p50_tps"),
    )
    return Panels(
        name="arms",
        title="TTFT and decode of each config",
        described="; ".join(f"{_name(r)}: {number(r['ttft_p50_s'])} s" for r in arms),
        across="config",
        panels=tuple(Panel(title, tuple(_bars(arms, key))) for title, key in keys),
        labels=labels,
    )


def _bars(arms: Sequence[Found], key: str) -> Iterator[Series]:
    yield Series(
        name="configs",
        role=arm_role(1),
        x=tuple(float(at) for at in range(len(arms))),
        y=tuple(row[key] for row in arms),
        shape="bars",
        told=tuple(f"{_name(row)}: {number(row[key])}" for row in arms),
    )


def _speed(arms: Sequence[Found]) -> Rows:
    def row(arm: Found) -> Row:
        low, high = arm["interval"] or (None, None)
        said = f"{_name(arm)}: {times(arm['speedup'])}"
        return Row(_name(arm), arm["speedup"], "tuned", low, high, said)

    return Rows(
        name="speed",
        title="Speed-up over the baseline, with its interval",
        described="; ".join(f"{_name(arm)} {times(arm['speedup'])}" for arm in arms),
        across="times as fast as the baseline",
        rows=tuple(map(row, arms)),
        reference=1.0,
    )


def _grid(arms: Sequence[Found], won: tuple[Any, Any]) -> Grid:
    return Grid(
        heads=("engine", "config", "depth", "n", "TTFT p50 s", "TTFT p95 s", "wait", "tok/s",
               "s/turn", "speed-up", "interval", "changes"),
        rows=tuple(tuple(_cells(row)) for row in arms),
        words=frozenset({0, 1, 2, 11}),
        marks=tuple("winner" if (r["engine"], r["trial"]) == won else "arm" for r in arms),
        note="Depth in tokens of the scored turns, as each engine counts them.",
    )  # fmt: skip


def _cells(row: Found) -> Iterator[Cell]:
    low, high = row["interval"] or (None, None)
    yield words(row["engine"])
    yield words(_role(row))
    yield words(row["depth"])
    yield count(row["turns"])
    yield figure(row["ttft_p50_s"])
    yield figure(row.get("ttft_p95_s"))
    yield span(row["total_wait_s"])
    yield figure(row["decode_p50_tps"])
    yield figure(row["turn_s"])
    yield ratio(row["speedup"])
    yield bounds(low, high)
    yield words(row["failure"] or changes(row["changes"]))


def engine_section(data: StudyData) -> Section | None:
    """One engine's trials."""
    if not data.trials:
        return None
    return section(
        f"engine-{data.name}",
        f"Trials of {data.name}",
        failures_grid(data.trials),
        trials_grid(data),
    )
