"""From a study to its quality guard, and what becomes of a study that cannot have one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.model_setting import MODEL
from autotune.scoring.quality import Threshold
from autotune.search.layout import Layout, lay_out
from autotune.search.model_files import files_of, least_quantized
from autotune.search.quality_gate import GuardPlan, QualityGate
from autotune.search.request import KEEP, RunRequest
from autotune.search.setup import Setup
from autotune.search.shared import SharedTurns
from autotune.trial.quality_walks import plan_walks
from autotune.trial.real import RealMeasurer
from autotune.trial.serving import serving
from autotune.trial.survey import Survey

SHARE_OF_BUDGET = 0.1
"""How much of the budget one set of settings may be asked for."""

LEAST_S, USUAL_S = 120.0, 900.0
"""Seconds for one set of settings, at least, and without a budget."""


def guarded(
    setup: Setup,
    survey: Survey,
    layout: Layout,
    measurer: RealMeasurer,
    shared: SharedTurns | None = None,
) -> tuple[Layout, QualityGate | None]:
    """The layout of a study and its guard; ``None`` where nothing is to be guarded.

    The reference is asked now, unless its answers are on disk. Where the engine cannot be asked,
    settings that can change the output go back to their defaults, and a note says why.
    Raises `UserError` where the study was guarded otherwise, `MachineError` when the engine does
    not start with the reference settings.
    """
    searched = [p.name for p in layout.space.parameters if p.quality]
    if not setup.request.guards_quality or not searched:
        return layout, None
    gate = make_gate(setup, survey, layout, measurer)
    why = gate.open()
    if why is not None:
        note = f"{', '.join(searched)} stay at their defaults: no quality guard, as {why}"
        kept = replace(setup.request, quality=KEEP, allow_quality_change=False)
        plain = lay_out(replace(setup, request=kept, other_models=()), survey, shared)
        return replace(plain, notes=(*plain.notes, note)), None
    note = (
        f"quality guard: {gate.positions} positions of the captures, the reference was asked in "
        f"{gate.reference_s:.0f} s"
    )
    return replace(layout, notes=(*layout.notes, note)), gate


def make_gate(setup: Setup, survey: Survey, layout: Layout, measurer: RealMeasurer) -> QualityGate:
    """The guard over the turns that the study replays, searched and held-out ones."""
    turns = {
        (p.turn.session_id, p.turn.index): p.turn
        for plan in (layout.search_plan, layout.confirm_plan)
        for p in plan.turns
    }
    request = setup.request
    plan = GuardPlan(
        walks=plan_walks(list(turns.values()), survey.depths, survey.rendering, seed=request.seed),
        threshold=threshold_of(request),
        identity=_identity(setup, survey),
        model_name=setup.launcher.model_name,
        seed=request.seed,
        positions=request.quality_positions,
        limit_s=_limit_s(request.effective_budget_s),
    )
    asked = replace(measurer, rendering=survey.rendering)
    gate = QualityGate(plan, layout.space, partial(serving, asked), setup.folder.path)
    gate.reference = reference_settings(setup)
    return gate


def reference_settings(setup: Setup) -> dict[str, Setting]:
    """What is laid over the baseline for the reference: the least quantized of several files."""
    if not setup.other_models:
        return {}
    best = least_quantized((setup.model, *setup.other_models))
    return {} if best is setup.model else {MODEL: str(best.path.resolve())}


def threshold_of(request: RunRequest) -> Threshold:
    """What the user accepts."""
    return Threshold(request.max_kl_p99, request.min_top1, request.min_calls_kept)


def _identity(setup: Setup, survey: Survey) -> Mapping[str, Any]:
    return {
        "engine_sha256": setup.build.binary_sha256,
        "model_sha256": setup.model_digest,
        "model_files": dict(files_of(setup.model, setup.other_models)),
        "workload_digest": setup.workload.digest,
        "rendering": survey.rendering.value,
    }


def _limit_s(budget_s: float | None) -> float:
    return USUAL_S if budget_s is None else max(LEAST_S, SHARE_OF_BUDGET * budget_s)
