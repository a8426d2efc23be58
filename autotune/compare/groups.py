"""Engines of a comparison, each set up and surveyed once, however many arms run on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.candidate import Candidate, Setting
from autotune.compare.request import CompareArm, CompareRequest
from autotune.errors import UserError
from autotune.hardware.gpu import GpuProbe
from autotune.launchers.habits import habits_of
from autotune.launchers.registry import make_launcher
from autotune.paths.spec import LaunchedPath
from autotune.replay.plan import History, ReplayPlan
from autotune.search.contest.opened import of_engine
from autotune.search.layout import held, lay_out, padded, preliminary_plan
from autotune.search.opening import make_measurer
from autotune.search.sampling import Sampled
from autotune.search.setup import Setup, set_up
from autotune.search.shared import SharedTurns
from autotune.search.space import to_settings
from autotune.search.surveying import stored_survey, surveyed
from autotune.study.folder import StudyFolder
from autotune.trial.real import RealMeasurer
from autotune.trial.survey import Survey

__all__ = ["Group", "GroupKey", "Surveyed", "group_key", "set_up_groups", "survey_group"]

GroupKey = tuple[str, str, str, str]
"""Engine, its program, model and history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One engine with one model and one history. `label` names its folder."""

    label: str
    setup: Setup
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """A group whose engine has counted the workload."""

    group: Group
    survey: Survey
    measurer: RealMeasurer

    @property
    def holds(self) -> dict[str, int]:
        """How many turns of each session it can hold within what is asked."""
        return held(self.group.setup, self.survey)

    def plan(self, kept: Mapping[str, int], history: History | None = None) -> ReplayPlan:
        """The turns that are `kept`, brought to this engine's true depth."""
        setup = padded(self.group.setup, self.survey)
        if history is not None:
            setup = replace(setup, request=replace(setup.request, history=history.value))
        return preliminary_plan(setup, SharedTurns(kept=kept).cut(setup.workload))

    def defaults(self, kept: Mapping[str, int]) -> dict[str, Setting]:
        """The engine's own defaults, as a study would measure them first."""
        if self.group.setup.launcher.search_space is None:
            return {}
        space = lay_out(self.group.setup, self.survey, SharedTurns(kept=kept)).space
        return to_settings(space, space.defaults)


def group_key(path: LaunchedPath, history: History) -> GroupKey:
    """What tells engines apart."""
    return path.engine, str(path.engine_path), str(path.model), history.value


def set_up_groups(
    request: CompareRequest,
    histories: Mapping[str, History],
    sample: Sampled,
    folder: StudyFolder,
    probe: GpuProbe,
) -> dict[GroupKey, Group]:
    """Every engine that arms are launched on, in their order. Launches nothing.

    Raises `UserError` and `MachineError` that name the arm.
    """
    arms: dict[GroupKey, list[CompareArm]] = {}
    for arm in request.arms:
        if arm.launched is not None:
            arms.setdefault(group_key(arm.launched, histories[arm.name]), []).append(arm)
    found: dict[GroupKey, Group] = {}
    for key, members in arms.items():
        with of_engine(members[0].name):
            label = _label(key[0], [group.label for group in found.values()])
            setup = _set_up(request, members, key, label, sample, folder, probe)
            _check_cache(members, setup)
        names = tuple(arm.name for arm in members)
        found[key] = Group(label=label, setup=setup, arms=names)
    return found


def _set_up(
    request: CompareRequest,
    members: Sequence[CompareArm],
    key: GroupKey,
    label: str,
    sample: Sampled,
    folder: StudyFolder,
    probe: GpuProbe,
) -> Setup:
    path = members[0].launched
    assert path is not None
    own = replace(
        request.run,
        engine=path.engine,
        engine_path=path.engine_path,
        model=path.model,
        history=key[3],
        studies_dir=folder.path / "engines",
        study=label,
        depth=None,
    )
    return set_up(own, probe, sample)


def _label(engine: str, taken: Sequence[str]) -> str:
    name = "engine" if engine == "auto" else make_launcher(engine).name
    stem = "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip("-.") or "engine"
    label, number = stem, 2
    while label in taken:
        label, number = f"{stem}-{number}", number + 1
    return label


def _check_cache(members: Sequence[CompareArm], setup: Setup) -> None:
    """Raises `UserError` where identical prompts would leave nothing to reuse."""
    if any(arm.cache is not None for arm in members) and habits_of(setup.launcher).continues_only:
        raise UserError(
            f"{setup.launcher.name} reuses a prompt only together with its own reply: "
            "identical prompts would leave it nothing to reuse",
            "compare its cache on another engine",
        )


def survey_group(
    group: Group, work_dir: Path, probe: GpuProbe, told: Callable[[str], None]
) -> Surveyed:
    """Ask the engine how deep every turn is; `told` hears its label before it is started.

    Raises `MachineError` when it does not start at all.
    """
    measurer = make_measurer(group.setup, work_dir / group.label, probe)
    if stored_survey(group.setup) is None:
        told(group.label)
    smallest = Candidate({}) if group.setup.launcher.search_space is None else None
    survey = surveyed(group.setup, measurer, smallest)
    return Surveyed(
        group=group, survey=survey, measurer=replace(measurer, rendering=survey.rendering)
    )
