"""What the quality guard found, as text: the winner's figures and what was refused by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autotune.report.text import changes, duration, plural

SHOWN = 5
"""Refused sets of settings that are named; the others are counted."""


def quality_lines(quality: Mapping[str, Any] | None) -> list[str]:
    """Lines for the end of a run; none for a run without a guard."""
    if not quality:
        return []
    lines = []
    if quality["winner"] is not None:
        lines.append(f"quality of the winner: {figures_text(quality['winner']['figures'])}")
    refused: Sequence[Mapping[str, Any]] = quality["refused"]
    lines += [
        f"refused for quality: {changes(row['settings'])}: {'; '.join(row['reasons'])}"
        for row in refused[:SHOWN]
    ]
    if len(refused) > SHOWN:
        lines.append(f"and {plural(len(refused) - SHOWN, 'other set')} of settings")
    lines.append(f"the quality guard took {duration(quality['seconds'])}")
    return lines


def figures_text(found: Mapping[str, Any] | None) -> str:
    """One line: divergence at the tail and in the mean, agreement, calls, and from how many."""
    if found is None:
        return "not measured"
    p99, mean, top1 = found["kl_p99"], found["kl_mean"], found["top1"]
    parts = [
        f"p99 KL {p99['value']:.2g} ({p99['low']:.2g} to {p99['high']:.2g})",
        f"mean {mean['value']:.2g}",
        f"top-1 {top1['value']:.1%} ({top1['low']:.1%} to {top1['high']:.1%})",
    ]
    made = sum(found["calls"].values())
    if made:
        parts.append(f"{found['calls'].get('kept', 0)} of {plural(made, 'tool call')} kept")
    parts.append(f"at {plural(found['positions'], 'position')}")
    return ", ".join(parts)
