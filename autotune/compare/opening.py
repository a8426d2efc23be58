"""From a request to arms that can be measured: samples drawn, engines surveyed, turns laid out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate
from autotune.compare.attached import AttachedArm
from autotune.compare.events import Listener, Surveying
from autotune.compare.facts import attached_facts, launched_facts
from autotune.compare.groups import (
    Group,
    GroupKey,
    Surveyed,
    group_key,
    set_up_groups,
    survey_group,
)
from autotune.compare.history import Histories, choose_histories
from autotune.compare.launched import LaunchedArm
from autotune.compare.measured import ArmMeasurer
from autotune.compare.request import CompareArm, CompareRequest
from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import Gpu, GpuProbe
from autotune.hardware.select import select_gpu
from autotune.launchers.protocol import CacheArm
from autotune.models.metadata import read_model
from autotune.paths.address import parse_address
from autotune.paths.spec import AttachedPath, LaunchedPath
from autotune.paths.turns import TurnsRequest, lay_out
from autotune.records import TurnRecord
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.search.free_gpu import require_free_gpu
from autotune.search.judge import TurnKey
from autotune.search.sampling import Expected, Sampled, SampleWish, load_sample, stored_ids
from autotune.search.setup import slug
from autotune.study.folder import StudyFolder
from autotune.workload.depth import DepthRange, parse_depth_range

BLOCKS_WANTED = 4
"""Sessions are drawn so that the budget has room for as many blocks."""

_ANY_SPEED = Expected(prefill_tps=1000.0, decode_tps=50.0)
MARK = "compare"
"""Engines that are started for a block get the same mark in their prompts, whatever the arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm, ready. `facts` say what it is, in ``compare.json``; `turns` is its plan's length."""

    arm: CompareArm
    measurer: ArmMeasurer
    turns: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that blocks need. `failed` are arms whose engine could not even be asked.

    `depths` are prompt tokens by turn, as the baseline's engine counts them or as estimated;
    `depth` is the range that the verdict is asked for.
    """

    sides: tuple[Side, ...]
    failed: Mapping[str, str]
    depths: Mapping[TurnKey, int]
    sample: Sampled
    gpu: Gpu | None
    sessions: int
    turns: int
    notes: tuple[str, ...]
    depth: DepthRange | None = None


def draw(request: CompareRequest, stored: Mapping[str, Any] | None, gpu: Gpu | None) -> Sampled:
    """The sessions to replay: those of the folder, else as many as the budget has time for."""
    run = request.run
    if stored is not None:
        ids = stored_ids(stored)
        if ids is not None:
            return load_sample(run.workload, _ANY_SPEED, SampleWish(ids=ids))
        return load_sample(run.workload, _ANY_SPEED, SampleWish())
    limit_s = None
    if request.budget_s is not None and run.sample != "all":
        limit_s = request.budget_s / (len(request.arms) * (request.blocks or BLOCKS_WANTED))
    wish = SampleWish(limit_s=limit_s, most=run.max_sessions, seed=run.seed)
    return load_sample(run.workload, _expected(request, gpu), wish)


def _expected(request: CompareRequest, gpu: Gpu | None) -> Expected:
    """How fast the first engine's model may be; anything for endpoints alone."""
    path = next((arm.launched for arm in request.arms if arm.launched is not None), None)
    if path is None:
        return _ANY_SPEED
    model = path.model.expanduser()
    if not model.exists():
        raise UserError(
            f"there is no model at {model}", "check --model: a GGUF file, or a model's folder"
        )
    return Expected.of(read_model(model), gpu=gpu is not None)


def open_stage(
    request: CompareRequest,
    folder: StudyFolder,
    work_dir: Path,
    probe: GpuProbe,
    listener: Listener,
    stored: Mapping[str, Any] | None,
    earlier: Sequence[TurnRecord],
) -> Stage:
    """Find, read and survey what `request` names. Raises `UserError` and `MachineError`."""
    histories = choose_histories(request)
    launches = any(arm.launched is not None for arm in request.arms)
    gpu = select_gpu(request.run.gpu, probe.gpus()) if launches else None
    sample = draw(request, stored, gpu)
    groups = set_up_groups(request, histories.of, sample, folder, probe)
    for group in groups.values():
        require_free_gpu(group.setup, probe)
    surveyed, failed = _survey(groups, work_dir, probe, listener)
    opener = _Opener(request, folder, histories, surveyed, earlier, sample)
    sides = tuple(opener.side(arm) for arm in request.arms if arm.name not in failed)
    return Stage(
        depth=_depth(request.run.depth, [opener.depths[key] for key in opener.planned]),
        sides=sides,
        failed=failed,
        depths=opener.depths,
        sample=sample,
        gpu=gpu,
        sessions=len({session for session, _ in opener.planned}),
        turns=len(opener.planned),
        notes=(*histories.notes, *sample.notes, *_setup_notes(groups), *opener.notes()),
    )


def _depth(asked: str | None, depths: Sequence[int]) -> DepthRange | None:
    """The range that was asked for. Raises `UserError` when no turn is in it."""
    if asked is None:
        return None
    found = parse_depth_range(asked)
    if not any(tokens in found for tokens in depths):
        raise UserError(
            f"no turn is {asked} deep", f"they are {min(depths)} to {max(depths)} tokens deep"
        )
    return found


def _setup_notes(groups: Mapping[GroupKey, Group]) -> list[str]:
    """What was found out when engines were looked for, each once; the sample tells of itself."""
    told = (n for g in groups.values() for n in g.setup.notes if n not in g.setup.sample.notes)
    return list(dict.fromkeys(told))


def _survey(
    groups: Mapping[GroupKey, Group], work_dir: Path, probe: GpuProbe, listener: Listener
) -> tuple[dict[GroupKey, Surveyed], dict[str, str]]:
    """Surveys by group, and for the arms of engines that do not start the reason.

    Raises `MachineError` when none starts.
    """
    found: dict[GroupKey, Surveyed] = {}
    failed: dict[str, str] = {}
    for key, group in groups.items():
        try:
            found[key] = survey_group(group, work_dir, probe, lambda n: listener(Surveying(n)))
        except MachineError as error:
            if len(groups) == 1:
                raise
            failed |= dict.fromkeys(group.arms, f"{error.message} ({error.hint})")
    return found, failed


class _Opener:
    """Makes the arms of one comparison over the turns that all of its engines hold."""

    def __init__(
        self,
        request: CompareRequest,
        folder: StudyFolder,
        histories: Histories,
        surveyed: Mapping[GroupKey, Surveyed],
        earlier: Sequence[TurnRecord],
        sample: Sampled,
    ) -> None:
        self.request, self.folder, self.surveyed = request, folder, surveyed
        self.histories, self.earlier, self.sample = histories, earlier, sample
        self.kept = _least([each.holds for each in surveyed.values()])
        if surveyed and not self.kept:
            raise UserError(
                "no turn of the workload can be held by every engine that is compared",
                "use models with a longer context, or shallower captures",
            )
        self.planned, self.depths = self._turns()
        self.labels: list[str] = []

    def _turns(self) -> tuple[list[TurnKey], Mapping[TurnKey, int]]:
        """What is replayed, and how deep each turn is, by the first engine's own count."""
        first = next(iter(self.surveyed.values()), None)
        if first is not None:
            return _keys(first.plan(self.kept)), first.survey.depths
        turns = lay_out(self._turns_request(), self.sample.workload)
        return _keys(turns.plan), turns.depths

    def _turns_request(self) -> TurnsRequest:
        run = self.request.run
        return TurnsRequest(
            workload=run.workload,
            order=Order(run.order),
            concurrency=run.concurrency,
            max_depth=run.max_depth,
            max_output_tokens=run.max_output_tokens,
        )

    def notes(self) -> list[str]:
        """How many turns are not replayed, and whom the captured text is shown to."""
        whole = sum(len(session.turns) for session in self.sample.workload.sessions)
        cut = whole - len(self.planned)
        far = [a for arm in self.request.arms if arm.attached for a in _far(arm.attached)]
        notes = [
            f"captured text leaves this machine for {host}; 'autotune captures redact' takes names "
            "and secrets out of it first"
            for host in dict.fromkeys(far)
        ]
        if cut:
            notes.append(f"{cut} of {whole} turns lie beyond --max-depth or what a model holds")
        return notes

    def side(self, arm: CompareArm) -> Side:
        """`arm`, ready to be measured."""
        path = arm.path
        if isinstance(path, AttachedPath):
            return self._attached(arm, path)
        return self._launched(arm, path)

    def _launched(self, arm: CompareArm, path: LaunchedPath) -> Side:
        history = self.histories.of[arm.name]
        surveyed = self.surveyed[group_key(path, history)]
        settings = surveyed.defaults(self.kept) if arm.defaults else dict(path.settings)
        plan = surveyed.plan(self.kept)
        measurer = replace(
            surveyed.measurer,
            logs_dir=self.folder.logs,
            cache_arm=arm.cache or CacheArm.ON,
            mark=MARK,
            afterwards=(),
        )
        return Side(
            arm=arm,
            measurer=LaunchedArm(
                name=arm.name,
                label=self._label(arm.name),
                measurer=measurer,
                candidate=Candidate(settings),
                plan=plan,
                cache=arm.cache,
            ),
            turns=len(plan.turns),
            facts=launched_facts(arm, path, surveyed, settings, plan),
        )

    def _attached(self, arm: CompareArm, path: AttachedPath) -> Side:
        plan = self._plan_of(self.histories.of[arm.name])
        tries: dict[int, int] = {}
        mine = [record for record in self.earlier if record.arm == arm.name]
        for record in mine:
            tries[record.block] = tries.get(record.block, 0) + 1
        measurer = AttachedArm(
            path=replace(path, name=arm.name),
            plan=plan,
            depths=self.depths,
            seed=_seed(self.folder, arm.name),
            tries=tries,
            spent_usd=sum(record.cost_usd or 0.0 for record in mine),
        )
        return Side(
            arm=arm,
            measurer=measurer,
            turns=len(plan.turns),
            facts=attached_facts(arm, path, plan),
        )

    def _plan_of(self, history: History) -> ReplayPlan:
        """The turns for an endpoint: those of the first engine, else by estimate."""
        first = next(iter(self.surveyed.values()), None)
        if first is not None:
            return first.plan(self.kept, history)
        request = replace(self._turns_request(), history=history)
        return lay_out(request, self.sample.workload).plan

    def _label(self, name: str) -> str:
        """A file name of the arm's own."""
        label = slug(name)[:40].strip("-.") or "arm"
        while label in self.labels:
            label += "-2"
        self.labels.append(label)
        return label


def _far(path: AttachedPath) -> list[str]:
    """The endpoint's host and port, unless it is this machine."""
    address = parse_address(path.url)
    return [] if address.is_loopback else [address.label]


def _keys(plan: ReplayPlan) -> list[TurnKey]:
    return [(planned.turn.session_id, planned.turn.index) for planned in plan.turns]


def _least(holds: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many turns of each session all engines hold; sessions of which that is none go."""
    if not holds:
        return {}
    least = {session: min(h.get(session, 0) for h in holds) for session in holds[0]}
    return {session: turns for session, turns in least.items() if turns}


def _seed(folder: StudyFolder, name: str) -> int:
    """Of this folder and arm: another comparison finds nothing of this one in any cache."""
    words = f"{folder.path.resolve()}\n{name}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big")
