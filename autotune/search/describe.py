"""What a run would do, without starting anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.hardware.gpu import Gpu
from autotune.hardware.probe import gpu_probe
from autotune.hardware.profiles import GIB, profile_of
from autotune.launchers.model_setting import with_model
from autotune.launchers.protocol import LaunchContext
from autotune.replay.endpoint import Rendering
from autotune.search.exclusions import Excluded, exclusions
from autotune.search.feasibility import Limits
from autotune.search.fitting import Fit, fits, largest_context
from autotune.search.layout import Layout, lay_out
from autotune.search.request import RunRequest
from autotune.search.run_space import run_space
from autotune.search.setup import Setup, set_up
from autotune.search.shared import stored_shared
from autotune.search.space import to_settings
from autotune.search.surveying import stored_survey
from autotune.trial.side_by_side import depth_notes, expected_notes
from autotune.trial.survey import Survey
from autotune.workload.depth import session_depths

_SAID_APART = {"dry_run", "pins", "fixes", "tables"}
"""Of a request, what `DryRun` shows as what it comes to."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """The resolved request, the space's size, the first launch, and a time when one is set.

    `gpu` is what is known of the card: its profile and the facts in it. `space` has a row a
    parameter. `fits` says what of it memory holds, `largest_context` how many tokens one session
    can have at most, and `excluded` what is left out and why.
    """

    config: Mapping[str, Any]
    parameters: int
    space_size: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    estimate_s: float | None
    notes: tuple[str, ...]
    gpu: Mapping[str, Any] = field(default_factory=dict)
    space: tuple[SpaceRow, ...] = ()
    memory: Limits | None = None
    fits: tuple[Fit, ...] = ()
    largest_context: int | None = None
    excluded: tuple[Excluded, ...] = ()


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """A parameter that is searched."""

    name: str
    choices: tuple[Setting, ...]
    default: Setting


def describe(request: RunRequest) -> DryRun:
    """What `run_study` would begin with. Depths come from an earlier survey of the study, else
    from the capture; nothing is launched and nothing written. Raises like `run_study`."""
    with gpu_probe(request.assumed_gpu) as probe:
        setup = set_up(request, probe)
    stored = stored_survey(setup)
    layout = lay_out(setup, stored or estimated(setup), stored_shared(setup.folder))
    settings = to_settings(layout.space, layout.space.defaults)
    spec = setup.launcher.command(*with_model(Candidate(settings), _context(setup)))
    depths = depth_notes(layout.depth_rows) if stored else expected_notes(setup.workload.sessions)
    return DryRun(
        config=_config(setup, layout),
        parameters=len(layout.space.parameters),
        space_size=layout.space.size,
        argv=spec.argv,
        env=dict(spec.env),
        estimate_s=request.effective_budget_s,
        notes=(*setup.notes, *layout.notes, *depths),
        gpu=_gpu_facts(setup.gpu),
        space=tuple(SpaceRow(p.name, p.choices, p.default) for p in layout.space.parameters),
        memory=layout.feasibility.limits,
        fits=fits(layout.space, layout.feasibility),
        largest_context=largest_context(layout.space, layout.feasibility, setup.model.n_ctx_train),
        excluded=exclusions(setup, run_space(setup)),
    )


def _gpu_facts(gpu: Gpu | None) -> dict[str, Any]:
    """The card, the profiles that it is taken as, and what is known of it."""
    profile = profile_of(gpu)
    facts = None if profile.facts is None else profile.facts.model_dump()
    if facts is not None and facts["unified_memory"] and gpu is not None and gpu.vram_bytes:
        facts["memory_gib"] = gpu.vram_bytes / GIB  # one chip is sold with many sizes
    return {
        "name": None if gpu is None else gpu.name,
        "profile": profile.name,
        "inherits": list(profile.chain[1:]),
        "facts": facts,
    }


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
        gpu_pin=None if setup.gpu is None else setup.gpu.pin,
    )


def _config(setup: Setup, layout: Layout) -> dict[str, Any]:
    request = {k: v for k, v in asdict(setup.request).items() if k not in _SAID_APART}
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
        "pins": dict(run_space(setup).said.pins),
    }
    return {k: str(v) if isinstance(v, Path) else v for k, v in {**request, **found}.items()}
