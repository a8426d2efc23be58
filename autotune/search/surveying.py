"""The survey of a study: taken once and kept; taken again when it is of something else."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from autotune.candidate import Candidate
from autotune.search.layout import preliminary_plan
from autotune.search.setup import Setup
from autotune.search.smallest import smallest_candidate
from autotune.trial.real import RealMeasurer
from autotune.trial.side_by_side import side_by_side
from autotune.trial.survey import METHOD, Survey, take_survey
from autotune.workload.padding import pad_sessions


def survey_identity(setup: Setup) -> dict[str, Any]:
    """What a survey is of: another engine, model, workload or history has other depths."""
    return {
        "method": METHOD,
        "engine_sha256": setup.build.binary_sha256,
        "model_sha256": setup.model_digest,
        "workload_digest": setup.workload.digest,
        "history": setup.request.history,
        "max_output_tokens": setup.request.max_output_tokens,
    }


def stored_survey(setup: Setup) -> Survey | None:
    """The survey on disk, if it is of this engine, model, workload and history."""
    stored = setup.folder.read_survey()
    if stored is None or stored.get("of") != survey_identity(setup):
        return None
    return Survey.from_json(stored)


def surveyed(setup: Setup, measurer: RealMeasurer, smallest: Candidate | None = None) -> Survey:
    """The survey on disk, else a new one, which is written down with the depths side by side.

    `smallest` is what is launched for it; ``None`` is the least that the search space knows.
    """
    stored = stored_survey(setup)
    if stored is not None:
        return stored
    sessions = setup.workload.sessions
    plan = preliminary_plan(setup, setup.workload)
    survey = take_survey(measurer, smallest or smallest_candidate(setup), plan, sessions)
    rows = side_by_side(pad_sessions(sessions, survey.pads), survey)
    told = {"side_by_side": [asdict(row) for row in rows]}
    setup.folder.write_survey({"of": survey_identity(setup), **told, **survey.to_json()})
    return survey
