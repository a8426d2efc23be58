"""The rungs of a study in words: what each cost, whom it ended, how far it could be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autotune.report.noise import percent
from autotune.report.text import duration, plural

NAMES = {"deep": "a few turns at depth", "sessions": "the first sessions"}

WHY_NOT = {
    "saves-little": "not used: beside loading and the plan it saves too little",
    "misleads": "no longer used: it orders configs otherwise than the whole plan",
}


def ladder_lines(rungs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each rung that did something, or was left out for a reason."""
    for row in rungs:
        if row["asked"]:
            yield _asked_line(row)
        elif row["why_not"] in WHY_NOT:
            yield f"{_name(row)}: {WHY_NOT[row['why_not']]}"


def _asked_line(row: Mapping[str, Any]) -> str:
    ended = f"ended {row['ended']} of {plural(row['asked'], 'trial')}"
    left = f"{row['beyond']} not its to decide" if row["beyond"] else ""
    parts = [ended, left, _cost(row), _trust(row)]
    if row["why_not"] in WHY_NOT:
        parts.append(WHY_NOT[row["why_not"]])
    return f"{_name(row)}: " + ", ".join(part for part in parts if part)


def _name(row: Mapping[str, Any]) -> str:
    engine = f"{row['engine']}: " if row.get("engine") else ""
    return f"{engine}rung of {NAMES.get(row['rung'], row['rung'])} ({plural(row['turns'], 'turn')})"


def _cost(row: Mapping[str, Any]) -> str:
    if not row["ahead"]:
        return "cost nothing"
    share = "" if row["share"] is None else f" ({row['share']:.0%} of all trials)"
    return f"cost {duration(row['seconds'])}{share}"


def _trust(row: Mapping[str, Any]) -> str:
    """How alike its order and the whole plan's are: tau with its interval."""
    if row["tau"] is None:
        return "too few configs went on to tell how far it can be trusted"
    span = "" if row["low"] is None else f", {row['low']:.2f} to {row['high']:.2f}"
    return (
        f"orders {plural(row['configs'], 'config')} as the whole plan does with tau "
        f"{row['tau']:.2f}{span}, wrong about two configs by {percent(row['spread'])}"
    )
