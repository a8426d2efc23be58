"""At the end a worker's folder becomes an ordinary study, with what the others measured."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.search.anchor import is_anchor
from autotune.search.events import Summary
from autotune.search.home import Course
from autotune.search.ledger import Entry, Ledger, arm_name, is_trial_arm
from autotune.search.outcome import config_of
from autotune.study.folder import StudyFolder
from autotune.study.turn_log import TurnLog
from autotune.team.artefacts import Artefacts
from autotune.team.event_wire import from_wire
from autotune.team.rounds import BY
from autotune.team.shipping import shipped_turns

if TYPE_CHECKING:
    from optuna import Study

RESULT, HOLDS, EFFECTS = "result", "holds", "effects"


def facts_of(folder: StudyFolder) -> dict[str, Any]:
    """What the others are told of a verdict that this worker came to."""
    return {
        RESULT: folder.read_result(),
        HOLDS: folder.read_holds(),
        EFFECTS: folder.read_effects(),
    }


def copy_trials(study: Study, folder: StudyFolder) -> None:
    """Every trial of the shared study into the folder's own database, which is replaced whole."""
    import optuna
    from optuna.storages import RDBStorage

    handle, name = tempfile.mkstemp(dir=folder.path, prefix=".study-", suffix=".db")
    os.close(handle)
    part = Path(name)
    try:
        storage = RDBStorage(f"sqlite:///{part}")
        try:
            optuna.copy_study(
                from_study_name=study.study_name,
                from_storage=study._storage,
                to_storage=storage,
                to_study_name=folder.name,
            )
        finally:
            storage.remove_session()
            storage.engine.dispose()
        part.chmod(0o644)
        part.replace(folder.database)
    finally:
        part.unlink(missing_ok=True)


def take_turns(
    artefacts: Artefacts, study: Study, folder: StudyFolder, names: frozenset[str], prover: str
) -> None:
    """Turn records of the other workers' trials, and of `prover`'s confirmation, into the log.

    `names` are this folder's own workers. Anchors stay with whom they are of: they tell how his
    machine moved.
    """
    owners = {
        arm_name(trial.number): str(trial.user_attrs.get("worker", ""))
        for trial in study.get_trials(deepcopy=False)
    }
    known = {(r.arm, r.block, r.order) for r in folder.read_turns()}
    wanted = sorted((set(owners.values()) | {prover}) - names - {""})
    log = TurnLog(folder.turns_path)
    try:
        for worker in wanted:
            for record in shipped_turns(artefacts, study, worker):
                owner = owners.get(record.arm) if is_trial_arm(record.arm) else prover
                if is_anchor(record.arm):
                    continue
                if owner == worker and (record.arm, record.block, record.order) not in known:
                    log.append(record)
    finally:
        log.close()


def adopt(course: Course, ledger: Ledger, facts: Mapping[str, Any]) -> Summary:
    """Another worker's verdict in this folder, with commands for this host; its summary."""
    folder = course.setup.folder
    result = {k: v for k, v in facts[RESULT].items() if k != "schema_version"}
    winner, base = (_entry(ledger, result[side]) for side in ("winner", "baseline"))
    result["winner"] = config_of(course.setup, course.layout, winner)
    result["baseline"] = config_of(course.setup, course.layout, base)
    summary = _summary(result["summary"])
    shown = result["winner"] or result["baseline"]
    summary = replace(
        summary,
        study=folder.name,
        study_dir=str(folder.path),
        exports=(),
        launch_command=None if shown is None else shlex.join(shown["argv"]),
        notes=(*summary.notes, f"confirmed by worker {facts[BY]}"),
    )
    folder.write_holds(facts[HOLDS])
    folder.write_effects(facts[EFFECTS])
    folder.write_result({**result, "summary": asdict(summary)})
    return summary


def _entry(ledger: Ledger, config: Mapping[str, Any] | None) -> Entry | None:
    if config is None:
        return None
    return next((e for e in ledger.entries if e.number == config["trial"]), None)


def _summary(fields: Mapping[str, Any]) -> Summary:
    told = from_wire({"event": Summary.__name__, "fields": dict(fields)})
    assert isinstance(told, Summary)
    return told
