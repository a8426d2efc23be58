from __future__ import annotations

import json
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.strategies.resample import Look, baseline_of, looks_of, pool_of, random_baseline
from autotune.study.folder import StudyFolder
from autotune.study.storage import open_study


def look(key: str, value: float | None, own_s: float = 10.0, whole_s: float = 10.0) -> Look:
    whole = own_s == whole_s and value is not None
    return Look(key, value, own_s, whole_s, is_default=key == "default", is_whole=whole)


def test_a_config_is_known_by_its_whole_trials() -> None:
    pool = pool_of(
        [
            look("a", 5.0, 2.0, 8.0),
            look("a", 3.0),
            look("a", 4.0),
            look("b", None),
            look("c", 6.0, 1.0, 9.0),
        ]
    )
    assert pool["a"].value == 3.5
    assert pool["b"].value is None
    assert (pool["c"].value, pool["c"].whole_s) == (6.0, 9.0)


def test_chance_has_time_for_as_many_as_fit_whole() -> None:
    # Ten configs at 10 s each; the study spent 20 s on the default and its first guess, the best.
    looks = [
        look("default", 4.0),
        look("best", 1.0),
        *(look(str(n), 3.0, 0.0, 10.0) for n in range(8)),
    ]
    found = baseline_of("mine", looks, 0.0, draws=4_000)
    assert found.engine_s == 20.0
    assert (found.default, found.best, found.configs) == (4.0, 1.0, 10)
    assert found.random_configs == 2
    # One draw of nine in the same time.
    assert found.chance == pytest.approx(1 / 9, abs=0.02)
    assert found.random_best == 3.0
    assert found.moments[0].study is None
    assert found.moments[-1].study == 1.0


def test_where_everything_fits_chance_finds_the_best_as_well() -> None:
    looks = [look("default", 4.0), look("a", 2.0), look("b", 1.0), look("oom", None)]
    found = baseline_of("mine", looks, beside=5.0)
    assert found.engine_s == 45.0
    assert found.chance == 1.0
    assert found.random_best == found.best == 1.0


def test_guesses_of_the_study_never_lead_in_it() -> None:
    looks = [look("default", 4.0), look("guess", 0.5, 1.0, 9.0), look("a", 2.0)]
    assert baseline_of("mine", looks, 0.0).best == 2.0


def test_without_a_default_there_is_nothing_to_stand_beside(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has not measured its default"):
        baseline_of("mine", [look("a", 1.0)], 0.0)
    with pytest.raises(UserError, match="is not a study"):
        random_baseline(StudyFolder(tmp_path))


def trial(
    number: int, label: str, value: float | None, outcome: str, replay_s: float
) -> FrozenTrial:
    attrs = {
        "label": label, "key": label, "value": value, "outcome": outcome,
        "seconds": {"load_s": 2.0, "replay_s": replay_s},
    }  # fmt: skip
    state = TrialState.COMPLETE if value is not None else TrialState.PRUNED
    return create_trial(state=state, value=value, user_attrs=attrs)


def turn(arm: str, order: int) -> TurnRecord:
    return TurnRecord(
        arm=arm, block=0, order=order, session_id="s", turn=order,
        started_at="2026-11-01T10:00:00+00:00", asked_output_tokens=8, wall_s=2.0,
    )  # fmt: skip


def study_of(path: Path) -> StudyFolder:
    """A default of four turns, a guess that was left after one of them, and a failure."""
    folder = StudyFolder(path)
    folder.write_provenance({"schema_version": "provenance/1"})
    with open_study(folder, RandomSampler()) as study:
        study.add_trial(trial(0, "default", 4.0, "complete", 8.0))
        study.add_trial(trial(1, "guess", 6.0, "stopped-early", 3.0))
        study.add_trial(trial(2, "large", None, "infeasible", 0.0))
        study.add_trial(trial(3, "known", 4.0, "duplicate", 0.0))
    records = [
        turn(arm, at) for arm, n in (("trial-0000", 4), ("trial-0001", 1)) for at in range(n)
    ]
    lines = [json.dumps(record.to_json()) + "\n" for record in records]
    folder.turns_path.write_text("".join(lines))
    return folder


def test_a_trial_left_early_is_charged_whole(tmp_path: Path) -> None:
    default, guess, large = looks_of(study_of(tmp_path))
    assert (default.is_default, default.is_whole, default.whole_s) == (True, True, 10.0)
    # A quarter of its turns took three seconds.
    assert (guess.own_s, guess.whole_s, guess.is_whole) == (5.0, 14.0, False)
    assert (large.value, large.own_s) == (None, 2.0)
    found = random_baseline(study_of(tmp_path / "again"), draws=50)
    assert (found.engine_s, found.trials, found.best) == (17.0, 3, 4.0)
