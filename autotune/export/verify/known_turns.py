"""Turns of a study's own workload, and what the study measured of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.export.verify.outcome import TurnPair
from autotune.paths.turns import TurnsRequest, lay_out
from autotune.records import TurnRecord
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.replay.planning import replan
from autotune.search.ledger import arm_name
from autotune.search.sampling import Expected, SampleWish, load_sample, stored_ids
from autotune.study.folder import StudyFolder
from autotune.workload.model import Workload

MOST_TURNS = 4
"""Enough for a cold turn and some that reuse it, and over soon."""

TurnKey = tuple[str, int]
_ANY_SPEED = Expected(prefill_tps=1000.0, decode_tps=50.0)


@dataclass(frozen=True, slots=True)
class KnownTurns:
    """A plan of a few turns, and the study's good records of them. `plan` is ``None`` where the
    captures are gone; `notes` say so."""

    plan: ReplayPlan | None
    measured: Mapping[TurnKey, Sequence[TurnRecord]]
    notes: tuple[str, ...] = ()


def known_turns(folder: StudyFolder, trial: int | None) -> KnownTurns:
    """The first turns of the first session that `trial` was measured on, as far as they are known.

    A study's folder holds its records, and where its captures are; their text is only there.
    """
    measured = _measured(folder.read_turns(), 0 if trial is None else trial)
    facts = folder.read_provenance()
    try:
        workload = _workload(folder, facts)
    except UserError as error:
        return KnownTurns(None, {}, (f"the study's turns cannot be replayed: {error.message}",))
    if workload.digest != facts.get("workload_digest"):
        note = "the captures have changed since the study: its turns are not replayed"
        return KnownTurns(None, {}, (note,))
    request = TurnsRequest(workload=Path(facts["workload"]), history=History(facts["history"]))
    turns = lay_out(request, workload)
    return KnownTurns(_few(turns.plan, measured), measured, turns.notes)


def _measured(records: Iterable[TurnRecord], trial: int) -> dict[TurnKey, list[TurnRecord]]:
    """Good records of a trial, those of its confirmation too, by turn."""
    name = arm_name(trial)
    found: dict[TurnKey, list[TurnRecord]] = {}
    for record in records:
        own = record.arm == name or record.arm.endswith(f"-{name}")
        if own and record.ok and record.mark is None:
            found.setdefault((record.session_id, record.turn), []).append(record)
    return found


def _workload(folder: StudyFolder, facts: Mapping[str, Any]) -> Workload:
    """The study's sessions. Raises `UserError` where they are not there any more."""
    wish = SampleWish(ids=stored_ids(folder.read_sample()))
    return load_sample(Path(facts["workload"]), _ANY_SPEED, wish).workload


def _few(plan: ReplayPlan, measured: Mapping[TurnKey, Sequence[TurnRecord]]) -> ReplayPlan:
    """The first turns of the first session that was measured from its beginning; else of any."""
    begun = [sid for sid in plan.session_ids if (sid, 0) in measured]
    session = (begun or plan.session_ids)[0]
    turns = [p for p in plan.turns if p.turn.session_id == session][:MOST_TURNS]
    return replace(replan([_as_measured(p, measured) for p in turns], plan), concurrency=1)


def _as_measured(
    planned: PlannedTurn, measured: Mapping[TurnKey, Sequence[TurnRecord]]
) -> PlannedTurn:
    """With the reply length that the study asked for."""
    asked = [r.asked_output_tokens for r in measured.get(_key(planned), ())]
    length = next((n for n in asked if n is not None), planned.output_tokens)
    return replace(planned, output_tokens=length)


def _key(planned: PlannedTurn) -> TurnKey:
    return planned.turn.session_id, planned.turn.index


def pairs(
    records: Iterable[TurnRecord], measured: Mapping[TurnKey, Sequence[TurnRecord]]
) -> tuple[TurnPair, ...]:
    """Each turn of now beside the median of the study's."""
    return tuple(_pair(r, measured.get((r.session_id, r.turn), ())) for r in records)


def _pair(record: TurnRecord, before: Sequence[TurnRecord]) -> TurnPair:
    return TurnPair(
        session_id=record.session_id,
        turn=record.turn,
        depth_tokens=record.depth_tokens,
        cached_tokens=record.cached_tokens,
        ttft_s=record.ttft_s,
        wall_s=record.wall_s,
        study_ttft_s=_median(before, lambda r: r.ttft_s),
        study_wall_s=_median(before, lambda r: r.wall_s),
        failure=None if record.ok else f"{record.failure}: {record.detail}",
    )


def _median(
    records: Sequence[TurnRecord], figure: Callable[[TurnRecord], float | None]
) -> float | None:
    values = [value for value in map(figure, records) if value is not None]
    return statistics.median(values) if values else None
