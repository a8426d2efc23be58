"""The check of a winner on a second host: the same comparison, on another machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from autotune.candidate import Candidate
from autotune.search.confirm import DEFAULT_ARM, Arm
from autotune.search.events import Summary
from autotune.search.home import Course
from autotune.search.ledger import Ledger, arm_name
from autotune.search.outcome import interval_of
from autotune.study.folder import StudyFolder
from autotune.team.presence import HOST

CHECK = "check"


def check(course: Course, ledger: Ledger, result: Mapping[str, Any]) -> dict[str, Any]:
    """The winner of `result` against the default on this host, as plain data.

    ``speedup`` and ``interval`` are ``None``, and ``failure`` says why, where it could not be
    measured.
    """
    winner, base = result["winner"], result["baseline"]
    name = arm_name(winner["trial"])
    arms = [
        Arm(DEFAULT_ARM, Candidate(base["full_settings"]), base["trial"]),
        Arm(name, Candidate(winner["full_settings"]), winner["trial"]),
    ]
    found = course.checked(ledger, arms)
    comparison = found.comparisons.get(name)
    return {
        "trial": winner["trial"],
        "blocks": found.blocks,
        "speedup": None if comparison is None else comparison.ratio,
        "interval": interval_of(comparison),
        "wins": comparison is not None and comparison.wins,
        "comparison": None if comparison is None else asdict(comparison),
        "failure": "; ".join(f"{arm}: {why}" for arm, why in found.failed.items()) or None,
    }


def told_check(folder: StudyFolder, summary: Summary, facts: Mapping[str, Any] | None) -> Summary:
    """`summary` with what the second host said, which goes into the folder's verdict too."""
    result = folder.read_result()
    if result is None or summary.winner is None:
        return summary
    row = None if facts is None else {**facts[CHECK], HOST: facts[HOST]}
    told = replace(summary, notes=(*summary.notes, check_note(row)))
    kept = {key: value for key, value in result.items() if key != "schema_version"}
    folder.write_result({**kept, "summary": asdict(told), CHECK: row})
    return told


def check_note(row: Mapping[str, Any] | None) -> str:
    """One line on the check."""
    if row is None:
        return "no second host was there to check it on"
    if row["speedup"] is None:
        return f"host {row[HOST]} could not check it: {row['failure'] or 'no turns compare'}"
    bounds = row["interval"]
    span = "" if bounds is None else f" ({bounds[0]:.2f} to {bounds[1]:.2f})"
    if row["wins"]:
        return f"checked on host {row[HOST]}: {row['speedup']:.2f}x{span}"
    return (
        f"NOT confirmed on host {row[HOST]}: {row['speedup']:.2f}x{span}; measure there before "
        "it is used there"
    )
