"""The files of trials of a study whose turns are known by a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from autotune.dashboard.shelf import Artifact
from autotune.dashboard.trial_files import TrialFiles
from autotune.dashboard.turn_index import TurnIndex
from autotune.study.folder import StudyFolder
from autotune.study.storage import load_trials

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def first(study: StudyFolder, state: str, after: int = -1) -> FrozenTrial:
    rows = study.read_trials()
    number = next(r["number"] for r in rows if r["state"] == state and r["number"] > after)
    return load_trials(study)[number]


def offered(files: TrialFiles, trial: FrozenTrial) -> dict[str, Artifact]:
    return {one.filename: one for one in files.of_trial(trial)}


@pytest.fixture
def files(study: StudyFolder) -> TrialFiles:
    """With trial 0 as the engine's defaults."""
    return TrialFiles.of(study, TurnIndex(study.turns_path).arms(), 0)


def test_the_default_has_the_logs_of_its_confirmation_too(
    files: TrialFiles, study: StudyFolder
) -> None:
    found = offered(files, first(study, "complete"))
    assert list(found) == [
        "trial-0000-turns.svg", "trial-0000-b0.log", "confirm-0011-default-b0.log",
        "trial-0000-turns.csv", "trial-0000.json",
    ]  # fmt: skip
    assert found["trial-0000-b0.log"].read() == b"log 0\n"
    assert found["confirm-0011-default-b0.log"].read() == b"the default again\n"


def test_without_a_default_nobody_has_its_logs(study: StudyFolder) -> None:
    files = TrialFiles.of(study, frozenset(), None)
    assert list(offered(files, first(study, "complete"))) == [
        "trial-0000-b0.log",
        "trial-0000.json",
    ]


def test_a_trial_without_turns_has_its_log_and_its_facts(
    files: TrialFiles, study: StudyFolder
) -> None:
    trial = first(study, "infeasible")
    name = f"trial-{trial.number:04d}"
    found = offered(files, trial)
    assert list(found) == [f"{name}-b0.log", f"{name}.json"]
    facts = json.loads(found[f"{name}.json"].read())
    assert facts["settings"]["batch-size"] == 1024


def test_files_of_one_name_are_told_apart_by_study_and_trial(
    files: TrialFiles, study: StudyFolder
) -> None:
    owners = {one.owner for one in files.of_trial(first(study, "complete"))}
    assert owners == {f"{study.path.resolve()}/0"}


def test_turns_are_a_table_of_a_row_each(files: TrialFiles, study: StudyFolder) -> None:
    """Batches of 512 and 2 threads: 1 + 512 / 1024 s, and a hundredth of it more each turn."""
    told = offered(files, first(study, "complete"))["trial-0000-turns.csv"].read().decode()
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [(row["arm"], row["session_id"], row["turn"]) for row in rows] == [
        ("trial-0000", "s0", "0"), ("trial-0000", "s0", "1"),
        ("trial-0000", "s1", "0"), ("trial-0000", "s1", "1"),
    ]  # fmt: skip
    assert [float(r["ttft_s"]) for r in rows] == pytest.approx([1.5, 1.515, 1.53, 1.545])


def test_turns_are_drawn_over_those_of_the_default(files: TrialFiles, study: StudyFolder) -> None:
    trial = first(study, "complete", after=0)
    name = f"trial-{trial.number:04d}-turns.svg"
    drawn = offered(files, trial)[name].read().decode()
    assert drawn.startswith("<svg")
    assert f"trial {trial.number}" in drawn
    assert "default" in drawn
    alone = offered(files, first(study, "complete"))["trial-0000-turns.svg"].read().decode()
    assert "default" in alone
    assert "trial 0" not in alone


def test_where_the_turns_are_gone_the_plot_says_so(files: TrialFiles, study: StudyFolder) -> None:
    made = offered(files, first(study, "complete"))
    study.turns_path.unlink()
    assert b"no turn was measured" in made["trial-0000-turns.svg"].read()
    assert len(made["trial-0000-turns.csv"].read().decode().splitlines()) == 1


def test_facts_are_all_that_the_study_keeps(files: TrialFiles, study: StudyFolder) -> None:
    trial = first(study, "complete")
    raw = offered(files, trial)["trial-0000.json"].read()
    facts: dict[str, Any] = json.loads(raw)
    assert raw.endswith(b"}\n")
    assert (facts["study"], facts["number"], facts["params"]) == ("tiny", 0, trial.params)
    assert trial.datetime_start is not None
    assert facts["started"] == trial.datetime_start.isoformat()
    assert set(trial.user_attrs) <= set(facts)


def test_a_trial_that_did_not_end_has_no_end(files: TrialFiles, study: StudyFolder) -> None:
    trial = first(study, "complete")
    trial.datetime_complete = None
    assert json.loads(offered(files, trial)["trial-0000.json"].read())["ended"] is None
