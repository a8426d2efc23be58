"""A finished study as a recording: its space, plan and trials, as far as they are on its disk.

A study keeps which values it tried, not the space they were drawn from, and what it measured, not
the text it sent. So the space here is what was tried: every parameter with the values that any
trial had, under the condition that those trials show. The plan has the turns of the default's
trial, with their depths and reply lengths, and no text. Trials that were stopped early, and those
of arms that are no trials, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.anchor import is_anchor
from autotune.search.judge import Judge, TurnKey
from autotune.search.ledger import COMPLETE, INFEASIBLE, arm_name
from autotune.search.queue import DEFAULT
from autotune.search.space import Parameter, Space
from autotune.study.folder import StudyFolder
from autotune.trial.measurement import TrialSeconds
from autotune.trial.recorded import RecordedTrial
from autotune.workload.depth import parse_depth_range
from autotune.workload.model import Boundary, Recorded, Turn

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Values = Mapping[str, Setting]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecording:
    """What a recording holds. `repeats` are the runs of its default, in order."""

    name: str
    space: Space
    plan: ReplayPlan
    judge: Judge
    trials: Sequence[RecordedTrial]
    repeats: Sequence[Sequence[TurnRecord]]


def study_recording(folder: StudyFolder) -> StudyRecording:
    """The study in `folder`. Raises `UserError` where it is none, or has no measured default."""
    from autotune.study.storage import load_trials

    facts = folder.read_provenance()
    by_arm = _by_arm(folder.read_turns())
    found = [t for t in load_trials(folder) if t.user_attrs.get("outcome") in _MEASURED]
    default = next((t for t in found if t.user_attrs.get("label") == DEFAULT), None)
    if default is None or not by_arm.get(arm_name(default.number)):
        raise UserError(
            f"study {folder.name} has not measured its default",
            "let 'autotune run' go on with it first",
        )
    records = by_arm[arm_name(default.number)]
    plan = plan_of_records(records, str(facts["plan_digest"]), History(facts["history"]))
    return StudyRecording(
        name=folder.name,
        space=replace(
            space_of_values([t.params for t in found], default.params, str(facts["engine"])),
            fixed=fixed_settings([(t.params, t.user_attrs["settings"]) for t in found]),
        ),
        plan=plan,
        judge=Judge(Objective(facts["objective"]), keys_at_depth(records, str(facts["depth"]))),
        trials=[_trial(t, by_arm.get(arm_name(t.number), [])) for t in found],
        repeats=[records, *(rows for arm, rows in by_arm.items() if is_anchor(arm))],
    )


_MEASURED = {COMPLETE, INFEASIBLE}


def _by_arm(records: Iterator[TurnRecord]) -> dict[str, list[TurnRecord]]:
    """Records of each arm in the order of the plan; of a turn that is there twice, the later."""
    found: dict[str, dict[int, TurnRecord]] = {}
    for record in records:
        if record.block == 0:
            found.setdefault(record.arm, {})[record.order] = record
    return {arm: [rows[order] for order in sorted(rows)] for arm, rows in found.items()}


def _trial(trial: FrozenTrial, records: Sequence[TurnRecord]) -> RecordedTrial:
    attrs = trial.user_attrs
    return RecordedTrial(
        settings=attrs["settings"],
        records=tuple(records),
        failure=attrs.get("failure"),
        reason=attrs.get("reason"),
        seconds=TrialSeconds(**attrs["seconds"]),
        extras=attrs.get("extras", {}),
        effective=attrs.get("effective", {}),
        asked=() if attrs.get("failure") else None,
        name=arm_name(trial.number),
    )


def plan_of_records(records: Sequence[TurnRecord], digest: str, history: History) -> ReplayPlan:
    """The turns of one replay as a plan without text, in the order in which they were replayed."""
    turns = tuple(
        PlannedTurn(
            record.order,
            Turn(
                record.session_id,
                record.turn,
                (),
                output_tokens=record.asked_output_tokens,
                recorded=Recorded(prompt_tokens=record.depth_tokens),
                boundary=None if record.boundary is None else Boundary(record.boundary),
            ),
            record.asked_output_tokens or 1,
        )
        for record in records
    )
    return ReplayPlan(turns, history, 1, digest)


def keys_at_depth(records: Sequence[TurnRecord], depth: str) -> frozenset[TurnKey]:
    """The turns that are scored at the study's `depth`; all of them where none is that deep."""
    bucket = parse_depth_range(depth)
    keys = [(r.session_id, r.turn) for r in records]
    deep = [(r.session_id, r.turn) for r in records if (r.depth_tokens or 0) in bucket]
    return frozenset(deep or keys)


def space_of_values(trials: Sequence[Values], default: Values, engine: str) -> Space:
    """What was tried, as a space: each parameter with its values, numbers in order.

    A parameter that only some trials have is set under the values of another one that all of those
    have, and none of the rest.
    """
    names = list(dict.fromkeys(name for values in trials for name in values))
    always = [name for name in names if all(name in values for values in trials)]
    rest = [name for name in names if name not in always]
    parameters = tuple(_parameter(name, trials, default, always) for name in [*always, *rest])
    return Space(engine, parameters)


def fixed_settings(trials: Sequence[tuple[Values, Values]]) -> dict[str, Setting]:
    """Settings that all trials had alike, and that were no parameter: of (values, settings)."""
    names = {name for values, _ in trials for name in values}
    first = trials[0][1]
    return {
        name: value
        for name, value in first.items()
        if name not in names and all(settings.get(name) == value for _, settings in trials)
    }


def _parameter(
    name: str, trials: Sequence[Values], default: Values, always: Sequence[str]
) -> Parameter:
    tried = list(dict.fromkeys(values[name] for values in trials if name in values))
    ordered = all(_is_number(value) for value in tried)
    choices = sorted(tried, key=lambda v: float(v)) if ordered else tried
    requires = {} if name in always else _condition(name, trials, always)
    usual = default.get(name, choices[0])
    return Parameter(name, tuple(choices), usual, "recorded", ordered=ordered, requires=requires)


def _condition(
    name: str, trials: Sequence[Values], always: Sequence[str]
) -> dict[str, tuple[Any, ...]]:
    # By chance a number may tell them apart as well, where few trials were made.
    for parent in sorted(always, key=lambda name: _is_number(trials[0][name])):
        under = {values[parent] for values in trials if name in values}
        without = {values[parent] for values in trials if name not in values}
        if not under & without:
            return {parent: tuple(sorted(under, key=str))}
    return {}


def _is_number(value: Setting) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
