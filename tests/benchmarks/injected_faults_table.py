"""The tables of ``studies/injected-faults``, from the rows that were kept."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

KEPT = 1.05
"""Of the budget: what a study may take."""

NEAR = 1.05
"""A recommendation is no slower than another up to this factor of its time."""

RATIOS = (
    "log_ratio",
    "log_ratio_other",
    "searched_log_ratio",
    "searched_log_ratio_other",
)
"""Of true times: with faults, and of another seed without, over those of the study without."""

DECISIVE = "ubatch-size"
"""The one flag that makes the fake engine faster."""

INTRO = """# Injected faults

What a study does when 40% of its space runs out of memory, engines hang and engines die. Made by
`make injected-faults`; `simulated.jsonl` and `processes.jsonl` hold every study, `figures.json` the
figures below.

"""

SIMULATED = """## On simulated machines

Nothing here was measured on the machines that are named. Every seed is searched three times on a
machine of its own noise, under a budget of so many whole trials: without faults; with them; and
without them by another seed of the search alone. With faults, configs whose flags together ask for
too much memory run out of it (weights by the seed, 40% of the space, half of them at the start and
half as the context fills); of all launches, confirmation included, 2% hang for up to 600 s and 3%
die in the middle. The default and what the study without faults recommended have memory enough,
since what cannot run cannot be the same winner.

*Same config*: the very settings that the study without faults recommended. Many flags make no
difference, so the true time of the recommendation is laid beside that of the study without faults:
*no slower*: by no more than 5%, once on the sessions that were searched, which are all that a
search can go by, and once on those of the confirmation. *Another seed*: the same of the third
study, which differs by the search's seed and has no faults: what chance does. Sessions of the
confirmation may hold what those that are searched do not (on m1-max one whose prompt is lost from
its slot, worth 8%), and which of two equals on the searched ones is recommended is chance there.

"""

COLUMNS = (
    "| machine | studies | faults put in (memory, hang, crash) | misclassified | budget used, most "
    "| same config (another seed) | no slower, searched sessions (another seed) "
    "| no slower, held-out sessions (another seed) "
    "| good configs refused in the end |\n|---|---|---|---|---|---|---|---|---|\n"
)

PROCESSES = """## With real processes

`autotune run` whole (survey, search, confirmation, hold, export) on a fake engine that is a process
of its own, under a wall budget. By its settings it has no memory for 30% of its space; by a seeded
coin 2% of the launches that are measured hang and 5% die, in the middle of a reply or while
loading. What it came to, it writes down itself; that is laid beside the trials table. A process is
left when its command or its environment names the run after it has ended. *Used* is of the budget,
without faults and with them. The batch size is the only flag that makes this engine faster; slots,
threads, polling and context make no difference but to its memory.

| seed | faults put in | trials | misclassified | left | used | winner without | winner with |
|---|---|---|---|---|---|---|---|
"""


def figures_of(simulated: Sequence[Row], processes: Sequence[Row]) -> dict[str, Any]:
    """Everything that is said, and whether what must hold does."""
    machines = list(dict.fromkeys(row["machine"] for row in simulated))
    groups = {name: [r for r in simulated if r["machine"] == name] for name in machines}
    told = {name: _figures(rows) for name, rows in groups.items()}
    if simulated:
        told["all"] = _figures(simulated)
    runs = [_run(row) for row in processes]
    every = [*(t for t in told.values()), *runs]
    return {
        "schema_version": "injected-faults/1",
        "simulated": told,
        "processes": runs,
        "holds": all(t["misclassified"] == 0 and t["used_most"] <= KEPT for t in every)
        and all(r["left"] == 0 and r["same"] for r in runs),
    }


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    kinds = ("out-of-memory", "hang", "crash")
    used = [row["used"]["faulty"] for row in rows]
    return {
        "studies": len(rows),
        "injected": {kind: sum(row["injected"][kind] for row in rows) for kind in kinds},
        "launches": sum(row["launches"] for row in rows),
        "misclassified": sum(len(row["misclassified"]) for row in rows),
        "short_share": statistics.median(row["short_share"] for row in rows),
        "used_median": statistics.median(used),
        "used_most": max(used),
        "used_most_plain": max(row["used"]["plain"] for row in rows),
        "same": _share(rows, lambda r: r["same"]),
        "same_other": _share(rows, lambda r: r["same_other"]),
        **{f"no_slower_{key}": _share(rows, _no_slower(key)) for key in RATIOS},
        "worse_than_default": sum(_or_never(r["log_ratio_default"]) > math.log(1.05) for r in rows),
        "refused_good": sum(len(row["refused_good"]) for row in rows),
        "sampled": sum(row["sampled"] for row in rows),
        "winner_refused": sum(row["winner_refused"] for row in rows),
        "winner_failed": sum(row["winner_failed"] for row in rows),
    }


def _run(row: Row) -> dict[str, Any]:
    plain, faulty = row["plain"], row["faulty"]
    used = {n: row[n]["seconds"]["total"] / row["budget_s"] for n in ("plain", "faulty")}
    return {
        "seed": row["seed"],
        "injected": faulty["injected"],
        "trials": faulty["trials"],
        "misclassified": len(plain["misclassified"]) + len(faulty["misclassified"]),
        "left": plain["processes_left"] + faulty["processes_left"],
        "used": used,
        "used_most": max(used.values()),
        "winner": {"plain": plain["winner"], "faulty": faulty["winner"]},
        "same": plain["winner"][DECISIVE] == faulty["winner"][DECISIVE],
    }


def _share(rows: Sequence[Row], holds: Callable[[Row], bool]) -> float:
    return sum(map(holds, rows)) / len(rows)


def _no_slower(key: str) -> Callable[[Row], bool]:
    return lambda row: _or_never(row[key]) <= math.log(NEAR)


def _or_never(log_ratio: float | None) -> float:
    return math.inf if log_ratio is None else log_ratio


def readme_of(figures: Mapping[str, Any]) -> str:
    """The page."""
    told = figures["simulated"]
    text = INTRO
    if told:
        lines = "".join(_line(name, row) for name, row in told.items())
        text += SIMULATED + COLUMNS + lines + "\n" + _said(told["all"]) + "\n"
    if figures["processes"]:
        text += PROCESSES + "".join(map(_run_line, figures["processes"]))
    return text


def _line(name: str, row: Row) -> str:
    put_in = ", ".join(str(row["injected"][k]) for k in ("out-of-memory", "hang", "crash"))
    return (
        f"| {name} | {row['studies']} | {put_in} | {row['misclassified']} "
        f"| {row['used_most']:.0%} | {row['same']:.0%} ({row['same_other']:.0%}) "
        f"| {_both(row, 'searched_log_ratio')} | {_both(row, 'log_ratio')} "
        f"| {row['refused_good']} of {row['sampled']} |\n"
    )


def _both(row: Row, key: str) -> str:
    """The share with faults, and behind it that of another seed."""
    return f"{row[f'no_slower_{key}']:.0%} ({row[f'no_slower_{key}_other']:.0%})"


def _said(row: Row) -> str:
    return (
        f"There were {row['launches']} launches with faults. {row['worse_than_default']} of "
        f"{row['studies']} recommendations are slower than the default by more than 5%. What the "
        f"study without faults recommended was refused in the end in {row['winner_refused']} "
        f"studies, and failed by accident for good in {row['winner_failed']}.\n"
    )


def _run_line(row: Row) -> str:
    put_in = ", ".join(f"{count} {kind}" for kind, count in row["injected"].items()) or "none"
    settings = [row["winner"][name] for name in ("plain", "faulty")]
    winners = [", ".join(f"{n} {v}" for n, v in one.items()) for one in settings]
    used = ", ".join(f"{row['used'][name]:.1%}" for name in ("plain", "faulty"))
    return (
        f"| {row['seed']} | {put_in} | {row['trials']} | {row['misclassified']} | {row['left']} "
        f"| {used} | {winners[0]} | {winners[1]} |\n"
    )
