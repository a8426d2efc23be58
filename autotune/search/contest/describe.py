"""What a contest would do, without starting anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from autotune.hardware.probe import gpu_probe
from autotune.search.contest.opened import contest_folder, of_engine
from autotune.search.contest.request import ContestRequest
from autotune.search.describe import DryRun, describe


@dataclass(frozen=True, slots=True)
class ContestDryRun:
    """The contest's name, who holds the baseline, the whole budget, and each engine's own plan."""

    study: str
    baseline: str
    budget_s: float | None
    trials: int | None
    engines: dict[str, DryRun]


def describe_contest(request: ContestRequest) -> ContestDryRun:
    """What `run_contest` would begin with. Raises like it; launches and writes nothing."""
    with gpu_probe(request.shared.assumed_gpu) as probe:
        folder = contest_folder(request, probe)
    found: dict[str, Any] = {}
    for entrant in request.entrants:
        own = replace(
            entrant.request, studies_dir=folder.path, study=entrant.label, new_study=False
        )
        with of_engine(entrant.label):
            found[entrant.label] = describe(own)
    shared = request.shared
    return ContestDryRun(
        study=folder.name,
        baseline=request.baseline,
        budget_s=shared.effective_budget_s,
        trials=shared.trials,
        engines=found,
    )
