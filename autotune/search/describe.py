"""What a run would do, without starting anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate
from autotune.hardware.nvml import nvml_probe
from autotune.launchers.protocol import LaunchContext
from autotune.replay.endpoint import Rendering
from autotune.search.layout import Layout, lay_out
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up
from autotune.search.shared import stored_shared
from autotune.search.space import to_settings
from autotune.search.surveying import stored_survey
from autotune.trial.side_by_side import depth_notes, expected_notes
from autotune.trial.survey import Survey
from autotune.workload.depth import session_depths


@dataclass(frozen=True, slots=True)
class DryRun:
    """The resolved request, the space's size, the first launch, and a time when one is set."""

    config: Mapping[str, Any]
    parameters: int
    space_size: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    estimate_s: float | None
    notes: tuple[str, ...]


def describe(request: RunRequest) -> DryRun:
    """What `run_study` would begin with. Depths come from an earlier survey of the study, else
    from the capture; nothing is launched and nothing written. Raises like `run_study`."""
    with nvml_probe() as probe:
        setup = set_up(request, probe)
    stored = stored_survey(setup)
    layout = lay_out(setup, stored or estimated(setup), stored_shared(setup.folder))
    settings = to_settings(layout.space, layout.space.defaults)
    spec = setup.launcher.command(Candidate(settings), _context(setup))
    depths = depth_notes(layout.depth_rows) if stored else expected_notes(setup.workload.sessions)
    return DryRun(
        config=_config(setup, layout),
        parameters=len(layout.space.parameters),
        space_size=layout.space.size,
        argv=spec.argv,
        env=dict(spec.env),
        estimate_s=request.effective_budget_s,
        notes=(*setup.notes, *layout.notes, *depths),
    )


def estimated(setup: Setup) -> Survey:
    """Recorded depths, or characters over four where none were recorded."""
    depths = {
        (turn.session_id, turn.index): depth.tokens
        for session in setup.workload.sessions
        for turn, depth in zip(session.turns, session_depths(session), strict=True)
    }
    return Survey(depths, Rendering.NATIVE)


def _context(setup: Setup) -> LaunchContext:
    return LaunchContext(
        model=setup.model_path,
        work_dir=Path("PRIVATE"),
        log_path=setup.folder.logs / "trial-0000-b0.log",
        trial_id="trial-0000-b0",
        gpu_uuid=None if setup.gpu is None else setup.gpu.uuid,
    )


def _config(setup: Setup, layout: Layout) -> dict[str, Any]:
    request = {k: v for k, v in asdict(setup.request).items() if k not in {"dry_run", "pins"}}
    found = {
        "study": setup.folder.name,
        "engine": f"{setup.build.engine} ({setup.build.version})",
        "model": str(setup.model_path),
        "gpu": setup.gpu_name,
        "budget_s": setup.request.effective_budget_s,
        "confirm_blocks": setup.request.effective_confirm_blocks,
        "depth": layout.depth_label,
        "deepest_tokens": layout.deepest_tokens,
        "search_turns": len(layout.search_plan.turns),
        "confirm_turns": len(layout.confirm_plan.turns),
        "held_out": layout.held_out,
        "pins": dict(setup.request.pins),
    }
    return {k: str(v) if isinstance(v, Path) else v for k, v in {**request, **found}.items()}
