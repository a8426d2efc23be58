"""What is said of noise in a contest: every engine's search, and the confirmation between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.noise import NoiseFloor
from autotune.search.contest.side import Side
from autotune.search.remeasure import Remeasure, disturbed


def holder_floor(sides: Sequence[Side], holder: str) -> NoiseFloor | None:
    """The floor of the engine that holds the baseline; ``None`` where its noise is not watched."""
    side = next((s for s in sides if s.label == holder), None)
    if side is None or side.search.steady is None:
        return None
    side.search.steady.settle(side.ledger)
    return side.search.steady.floor


def contest_noise(
    sides: Sequence[Side], holder: str, records: Iterable[TurnRecord], clean: Remeasure
) -> dict[str, Any] | None:
    """As `autotune.search.steadiness.noise_report`, over all engines.

    `records` are the contest's own, of the confirmation. The floor is the baseline engine's; trials
    that are left doubtful are named with their engine. ``None`` where nothing is watched.
    """
    watched = [(s, s.search.steady) for s in sides if s.search.steady is not None]
    floor = holder_floor(sides, holder)
    if not watched or floor is None:
        return None
    reports = [(side.label, steady.report(side.ledger)["anchors"]) for side, steady in watched]
    own = [
        replace(record, arm=f"{side.label}/{record.arm}")  # trials of two engines share numbers
        for side, steady in watched
        for record in steady.anchors.read_turns()
    ]
    shifts = [row["largest_shift"] for _, row in reports if row["largest_shift"] is not None]
    totals = {
        name: sum(row[name] for _, row in reports)
        for name in ("measured", "seconds", "disagreed", "measured_again")
    }
    left = [f"{label} #{number}" for label, row in reports for number in row["left_doubtful"]]
    return {
        "floor": floor.to_json(),
        "anchors": {**totals, "largest_shift": max(shifts, default=None), "left_doubtful": left},
        "disturbed": asdict(disturbed([*own, *records], clean.cores)),
        "never_quiet": clean.gave_up or any(steady.clean.gave_up for _, steady in watched),
    }
