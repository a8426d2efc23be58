"""Whether a study keeps its budget, and what it spends it on, on simulated machines.

    python tests/benchmarks/budget_kept.py studies/budget --seeds 3
    python tests/benchmarks/budget_kept.py studies/budget --budgets 30m --kinds faults --seeds 10

A study is all that ``autotune run`` does between the survey and the hold: search, anchors, second
looks, heat, confirmation. ``usual`` ends its search when nothing is left to gain, ``whole`` goes on
to the end (--no-early-stop), ``faults`` has hangs and crashes and memory that is short in 40% of
the space. Every study is kept the moment it ends, and what is there is not done again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import optuna

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

from faulty_study import FaultyStudy, faults_over, faulty_study, truth_named

from autotune.search.anchor import is_anchor
from autotune.search.ledger import is_trial_arm
from autotune.simulated.faults import NO_FAULTS
from autotune.simulated.machines import COMBINATIONS

BUDGETS = {"30m": 1_800.0, "2h": 7_200.0, "8h": 28_800.0}
KINDS = {
    "usual": "as a run does it",
    "whole": "--no-early-stop",
    "faults": "as a run does it, with faults",
}
KEPT = 1.05

Row = Mapping[str, Any]


def row_of(name: str, budget: str, kind: str, seed: int, noise: str) -> dict[str, Any]:
    """One study."""
    began_s = perf_counter()
    faults = faults_over(name, seed) if kind == "faults" else NO_FAULTS
    study = faulty_study(
        name, seed, BUDGETS[budget], faults, noise=noise, stop_early=kind != "whole"
    )
    parts = parts_of(study)
    return {
        "machine": name,
        "budget": budget,
        "kind": kind,
        "noise": noise,
        "seed": seed,
        "used": study.used_s / study.budget_s,
        "parts": {part: seconds / study.budget_s for part, seconds in parts.items()},
        "unaccounted_s": study.used_s - sum(parts.values()),
        "trials": len(study.run.ledger.measured),
        "blocks": 0 if study.run.confirmed is None else study.run.confirmed.blocks,
        "trial_share": truth_named(name).trial_s() / study.budget_s,
        "ended": study.run.search.ended is not None,
        "cpu_s": round(perf_counter() - began_s, 1),
    }


def parts_of(study: FaultyStudy) -> dict[str, float]:
    """Engine-seconds by what they were for."""
    found = {"trials": 0.0, "anchors": 0.0, "confirmation": 0.0}
    for one in study.seen:
        part = "trials" if is_trial_arm(one.arm) else "confirmation"
        found["anchors" if is_anchor(one.arm) else part] += one.seconds
    return found


def wanted(asked: argparse.Namespace, known: Sequence[Row]) -> Iterator[tuple[str, str, str, int]]:
    """What is still to be done, seed by seed."""
    done = {(r["machine"], r["budget"], r["kind"], r["seed"]) for r in known}
    for seed in range(asked.seeds):
        for kind in asked.kinds.split(","):
            for budget in asked.budgets.split(","):
                for name in asked.machines.split(","):
                    if (name, budget, kind, seed) not in done:
                        yield name, budget, kind, seed


def rows_in(path: Path) -> list[dict[str, Any]]:
    """What was done before."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def figures_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A row a kind and budget; those whose budget holds no confirmation at all are told apart."""
    found = []
    for kind in KINDS:
        for budget in BUDGETS:
            mine = [r for r in rows if (r["kind"], r["budget"]) == (kind, budget)]
            if mine:
                found.append({"kind": kind, "budget": budget, **_figures(mine)})
    return found


LEAST_TRIALS = 8.0
"""Whole trials of the default that a budget must hold to be one: the default, one that wins, and
six launches of the confirmation."""


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    enough = [r for r in rows if LEAST_TRIALS * r["trial_share"] <= 1.0]
    used = sorted(r["used"] for r in enough)
    late = [r for r in enough if r["used"] > KEPT]
    return {
        "studies": len(enough),
        "too_small": len(rows) - len(enough),
        "too_small_most": max((r["used"] for r in rows if r not in enough), default=None),
        "used_median": statistics.median(used) if used else None,
        "used_p95": used[max(0, -(-95 * len(used) // 100) - 1)] if used else None,
        "used_most": used[-1] if used else None,
        "late": len(late),
        "ended_early": sum(r["ended"] for r in enough),
        "parts": {
            part: _median(enough, lambda r, part=part: r["parts"][part] / r["used"])  # type: ignore[misc]
            for part in ("trials", "anchors", "confirmation")
        },
        "unaccounted_s": max((abs(r["unaccounted_s"]) for r in rows), default=0.0),
    }


def _median(rows: Sequence[Row], of: Callable[[Row], float]) -> float | None:
    return statistics.median(map(of, rows)) if rows else None


HEAD = """# Budgets

How much of its budget a study takes, in engine-seconds, on simulated machines ({machines}):
nothing was measured on them. Made by `make budget`; `rows.jsonl` has every study. *Most* and
*over 105%* are of studies whose budget holds at least eight whole trials of the default (the
default, one that wins, and six launches of the confirmation); of smaller ones the default, one
launch of each side and no more is measured, however long that takes: *too small* counts them, with
the most that one took. A real run draws so many sessions that a trial takes about a twentieth of
its budget (`--sample auto`), so it does not get there; here all sessions are replayed.
*Spent on* is shares of what was used, at the median: trials, anchors, confirmation.

| search | budget | studies | used | 95% | most | over 105% | ended early | spent on | too small |
|---|---|---|---|---|---|---|---|---|---|
"""


def readme_of(figures: Sequence[Row], rows: Sequence[Row]) -> str:
    """The page."""
    machines = ", ".join(dict.fromkeys(r["machine"] for r in rows))
    most_s = max((f["unaccounted_s"] for f in figures), default=0.0)
    lines = "".join(map(_line, figures))
    return (
        HEAD.format(machines=machines)
        + lines
        + f"\nThe parts and the clock differ by {most_s:.3f} s at the most. The search's own "
        "reckoning takes no engine-seconds and is not in here; of a real run it is in\n"
        "`summary.seconds`, as overhead.\n"
    )


def _line(row: Row) -> str:
    small = str(row["too_small"])
    if row["too_small_most"] is not None:
        small += f" ({row['too_small_most']:.0%})"
    parts = ", ".join(_percent(share) for share in row["parts"].values())
    used = " | ".join(_percent(row[f"used_{name}"]) for name in ("median", "p95", "most"))
    return (
        f"| {KINDS[row['kind']]} | {row['budget']} | {row['studies']} | {used} | {row['late']} "
        f"| {row['ended_early']} | {parts} | {small} |\n"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def main() -> int:
    """Parse, run, write. 1 where a budget was not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--machines", default=",".join(COMBINATIONS))
    parser.add_argument("--budgets", default=",".join(BUDGETS))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--noise", default="quiet")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    asked.folder.mkdir(parents=True, exist_ok=True)
    path = asked.folder / "rows.jsonl"
    for name, budget, kind, seed in wanted(asked, rows_in(path)):
        row = row_of(name, budget, kind, seed, asked.noise)
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        sys.stderr.write(f"{name} {budget} {kind} {seed}: {row['used']:.1%}, {row['cpu_s']} s\n")
    rows = rows_in(path)
    figures = figures_of(rows)
    (asked.folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    (asked.folder / "README.md").write_text(readme_of(figures, rows))
    sys.stdout.write(readme_of(figures, rows))
    return int(any(f["late"] for f in figures))


if __name__ == "__main__":
    sys.exit(main())
