"""The engines of a contest, set up, surveyed and laid out alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import GpuProbe
from autotune.hardware.select import select_gpu
from autotune.launchers.habits import habits_of
from autotune.replay.plan import History, ReplayPlan
from autotune.search.contest.request import ContestRequest, Entrant
from autotune.search.guarding import guarded
from autotune.search.judge import TurnKey
from autotune.search.layout import Layout, held, lay_out
from autotune.search.opening import make_measurer
from autotune.search.quality_gate import QualityGate
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up, study_folder
from autotune.search.shared import Roles, SharedTurns
from autotune.search.surveying import surveyed
from autotune.study.folder import StudyFolder
from autotune.trial.real import RealMeasurer
from autotune.trial.survey import Survey

SAME_COUNT = 0.03
"""Engines whose counts of the same prompts differ by less are taken to count alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One engine with everything that its search needs."""

    label: str
    setup: Setup
    survey: Survey
    layout: Layout
    measurer: RealMeasurer
    gate: QualityGate | None = None

    @property
    def confirm_plan(self) -> ReplayPlan:
        """The held-out sessions as this engine takes them."""
        return self.layout.confirm_plan


@contextmanager
def of_engine(label: str) -> Iterator[None]:
    """Errors that leave this block say which engine they are of."""
    try:
        yield
    except (UserError, MachineError) as error:
        raise type(error)(f"{label}: {error.message}", error.hint) from error


def contest_folder(request: ContestRequest, probe: GpuProbe) -> StudyFolder:
    """The contest's own folder. Raises `UserError` where it is the study of one engine."""
    model = request.entrants[0].request.model
    subject = "-vs-".join(request.labels)
    gpu = select_gpu(request.shared.gpu, probe.gpus())
    # A folder of weights may have dots in its name that begin no ending.
    name = "" if model is None else model.name.removesuffix(".gguf")
    folder = study_folder(request.shared, f"{name}-{subject}", gpu)
    if folder.exists():
        _check_engines(request, folder)
    return folder


def _check_engines(request: ContestRequest, folder: StudyFolder) -> None:
    """Raises `UserError` unless the contest in `folder` is between these engines."""
    facts = folder.read_provenance()
    was = [study.name for study in folder.engine_studies()]
    if not was:
        what = f"is of one engine, {facts.get('engine')}"
    elif was != list(request.labels):
        what = f"is between {', '.join(was)}"
    elif facts.get("baseline") != request.baseline:
        what = f"compares with a config of {facts.get('baseline')}"
    else:
        return
    raise UserError(
        f"study {folder.name} {what}",
        "name another study with --study, or add --new-study to begin a fresh one",
    )


def set_up_all(request: ContestRequest, folder: StudyFolder, probe: GpuProbe) -> dict[str, Setup]:
    """Every engine's setup, by its label, over the same sessions: those drawn for the first.

    Raises `UserError` and `MachineError` that name the engine.
    """
    found: dict[str, Setup] = {}
    for entrant in request.entrants:
        sample = next(iter(found.values())).sample if found else None
        with of_engine(entrant.label):
            found[entrant.label] = set_up(_own(entrant, folder), probe, sample)
    return _same_history(found)


def _same_history(setups: Mapping[str, Setup]) -> dict[str, Setup]:
    """`setups` with recorded replies in every engine's prompts where one of them needs that.

    An engine that cannot be held to a reply's length gets them, so the others do too: else the
    same turn would carry other replies on other engines. One that reuses a prompt only together
    with its own reply keeps those, and says so.
    """
    if all(setup.request.history == History.CLOSED_LOOP.value for setup in setups.values()):
        return dict(setups)
    return {label: _recorded(setup) for label, setup in setups.items()}


def _recorded(setup: Setup) -> Setup:
    if setup.request.history == History.RECORDED.value:
        return setup
    if habits_of(setup.launcher).continues_only:
        note = "its prompts carry its own replies, those of the other engines the recorded ones"
        return replace(setup, notes=(*setup.notes, note))
    note = "prompts carry the recorded replies, as another engine's must (--history recorded)"
    request = replace(setup.request, history=History.RECORDED.value)
    return replace(setup, request=request, notes=(*setup.notes, note))


def _own(entrant: Entrant, folder: StudyFolder) -> RunRequest:
    """What is asked of one engine, in the folder of the contest."""
    return replace(entrant.request, studies_dir=folder.path, study=entrant.label, new_study=False)


def open_all(
    request: ContestRequest, setups: Mapping[str, Setup], work_dir: Path, probe: GpuProbe
) -> tuple[list[Opened], SharedTurns, tuple[str, ...]]:
    """Every engine surveyed and laid out over the turns that all of them hold; those; and notes.

    Launches each engine once, one after the other, unless its survey is on disk.
    """
    measurers = {n: make_measurer(s, work_dir / n, probe) for n, s in setups.items()}
    surveys = {}
    for label, setup in setups.items():
        with of_engine(label):
            surveys[label] = surveyed(setup, measurers[label])
    shared, notes = share(setups, surveys, request.baseline)
    opened = []
    for label, setup in setups.items():
        survey = surveys[label]
        with of_engine(label):
            layout = lay_out(setup, survey, shared)
            layout, gate = guarded(setup, survey, layout, measurers[label], shared)
        measurer = replace(measurers[label], rendering=survey.rendering)
        opened.append(
            Opened(
                label=label,
                setup=setup,
                survey=survey,
                layout=layout,
                measurer=measurer,
                gate=gate,
            )
        )
    return opened, shared, notes


def share(
    setups: Mapping[str, Setup], surveys: Mapping[str, Survey], baseline: str
) -> tuple[SharedTurns, tuple[str, ...]]:
    """The turns that every engine holds, with the roles that the baseline's engine gives them.

    Raises `UserError` when there is no such turn.
    """
    holds = {}
    for label, setup in setups.items():
        with of_engine(label):
            holds[label] = held(setup, surveys[label])
    kept = _least(list(holds.values()))
    if not kept:
        raise UserError(
            f"no turn of the workload can be held by every one of {', '.join(setups)}",
            "use models with a longer context, or shallower captures",
        )
    cut = SharedTurns(kept=kept)
    with of_engine(baseline):
        layout = lay_out(setups[baseline], surveys[baseline], cut)
    roles = Roles(
        search=layout.search_plan.session_ids,
        confirm=layout.confirm_plan.session_ids,
        at_depth=layout.judge.at_depth | layout.confirm_judge.at_depth,
    )
    keys = [
        (p.turn.session_id, p.turn.index)
        for plan in (layout.search_plan, layout.confirm_plan)
        for p in plan.turns
    ]
    notes = (*_left_out(holds, kept), *_counts(surveys, keys, baseline))
    return replace(cut, roles=roles), notes


def _least(holds: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many turns of each session all hold; sessions of which that is none are left out."""
    least = {session: min(h.get(session, 0) for h in holds) for session in holds[0]}
    return {session: turns for session, turns in least.items() if turns}


def _left_out(holds: Mapping[str, Mapping[str, int]], kept: Mapping[str, int]) -> list[str]:
    """That some turns are not compared, and which engine cannot hold them."""
    totals = {label: sum(h.values()) for label, h in holds.items()}
    most, left = max(totals.values()), sum(kept.values())
    if left == most:
        return []
    who = " and ".join(f"{label} holds {n}" for label, n in totals.items() if n < most)
    return [f"{most - left} of {most} turns are left out, as not every engine can hold them: {who}"]


def _counts(surveys: Mapping[str, Survey], keys: Sequence[TurnKey], baseline: str) -> Iterator[str]:
    """That engines count the same prompts differently, where they do."""
    base = sum(surveys[baseline].depths[key] for key in keys)
    for label, survey in surveys.items():
        ratio = sum(survey.depths.get(key, 0) for key in keys) / base if base else 1.0
        if abs(ratio - 1) > SAME_COUNT:
            yield (
                f"{label} counts these prompts as {ratio:.2f} times the tokens that {baseline} "
                "does; replies have the same number of tokens and so not the same length of text"
            )
