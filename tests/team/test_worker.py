"""Workers on one study, as processes on SQLite: to the end, killed, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gguf_file
import pytest
from team_workers import (
    Team,
    check_counted_once,
    check_everything_measured_counts,
    small_workload,
    until,
)

from autotune.errors import ExitCode, UserError
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.study.folder import StudyFolder
from autotune.team.shared_study import open_shared
from autotune.team.storage_url import parse_storage
from autotune.team.worker import SharedStudy, run_worker

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
ENDED = (ExitCode.DONE, ExitCode.NOTHING_BETTER)


@pytest.fixture
def request_of(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> RunRequest:
    manifest = fake_engine_manifest(prefill_us=500.0, token_us=5000.0, search_space=str(SPACE))
    return RunRequest(
        workload=small_workload(tmp_path / "wl.jsonl"),
        engine=str(manifest),
        model=fake_model,
        gpu="cpu",
        trials=6,
        confirm_blocks=1,
        max_output_tokens=3,
        studies_dir=tmp_path / "studies",
        effects=False,
        usual_chart=False,
    )


@pytest.fixture
def team(request_of: RunRequest, tmp_path: Path) -> Iterator[Team]:
    request = request_of
    argv = ["--engine", request.engine, "--model", str(request.model), "--gpu", "cpu"]
    argv += ["--workload", str(request.workload), "--trials", "6", "--confirm-blocks", "1"]
    argv += ["--max-output-tokens", "3", "--display", "plain", "--heartbeat", "1s"]
    argv += ["--no-effects", "--no-usual-chart"]
    made = Team(tmp_path, f"sqlite:///{tmp_path / 'shared.db'}", argv)
    yield made
    made.end()


def test_two_workers_search_one_study_and_both_end_with_all_of_it(team: Team) -> None:
    team.start("worker")
    team.start("run")
    codes = team.wait()
    assert set(codes) <= set(ENDED), team.said(0) + team.said(1)
    assert len(set(codes)) == 1
    one, two = team.folders
    trials = one.read_trials()
    assert [t["number"] for t in two.read_trials()] == [t["number"] for t in trials]
    check_counted_once(trials)
    check_everything_measured_counts(one, [one, two])
    assert {r.arm for r in one.read_turns() if r.arm.startswith("trial")} == {
        r.arm for r in two.read_turns() if r.arm.startswith("trial")
    }
    results = [folder.read_result() for folder in (one, two)]
    assert results[0] is not None
    assert results[1] is not None
    for side in ("verdict", "speedup", "winner"):
        assert results[0]["summary"][side] == results[1]["summary"][side]
    assert len([r for r in results if "confirmed by" in json.dumps(r)]) == 1
    assert sum(t["label"] == "default" for t in trials) == 2
    assert team.engines() == []


@pytest.mark.scale
def test_a_killed_worker_s_trial_is_measured_once_more_by_the_other(team: Team) -> None:
    team.start("worker")
    team.until_said(0, "(1/6):")
    team.until_said(0, "(2/6) started")
    team.kill(0)
    team.start("worker", "--studies-dir", str(team.root / "studies" / "of-another"))
    assert team.wait(1)[0] in ENDED, team.said(1)
    folder = StudyFolder(team.root / "studies" / "of-another" / "s")
    trials = folder.read_trials()
    check_counted_once(trials)
    cut_short = [t["number"] for t in trials if t["state"] == "interrupted" and t["changes"]]
    assert [t["retry_of"] for t in trials if t["retry_of"] is not None] == cut_short
    assert len(cut_short) <= 1
    until(lambda: team.engines() == [], "the killed worker's engine is gone", team)


@pytest.mark.scale
def test_a_worker_that_is_started_again_goes_on(team: Team) -> None:
    team.start("worker")
    team.until_said(0, "(1/6):")
    team.kill(0)
    team.start("worker")
    assert team.wait(1)[0] in ENDED, team.said(1)
    (folder,) = team.folders
    check_counted_once(folder.read_trials())
    again = team.start("worker")
    assert again.wait(timeout=300) == team.processes[1].returncode
    assert "trial #" not in team.said(2)


def shared_of(tmp_path: Path) -> SharedStudy:
    return SharedStudy(url=parse_storage(f"sqlite:///{tmp_path / 'shared.db'}"), name="s")


def test_another_model_or_engine_is_refused_with_the_difference_named(
    request_of: RunRequest, tmp_path: Path, fake_engine_manifest: Callable[..., Path]
) -> None:
    run_worker(replace(request_of, trials=1), shared_of(tmp_path), lambda _: None)
    other = tmp_path / "other.gguf"
    gguf_file.write_gguf(other, {**gguf_file.LLAMA, "general.name": "another"})
    elsewhere = replace(request_of, studies_dir=tmp_path / "elsewhere", model=other)
    with pytest.raises(UserError, match=r"cannot join study s.*model \(there .*, here ") as caught:
        run_worker(elsewhere, shared_of(tmp_path), lambda _: None)
    assert "engine" not in caught.value.message
    seed = replace(request_of, studies_dir=tmp_path / "elsewhere", seed=7)
    with pytest.raises(UserError, match=r"seed \(there 0, here 7\)"):
        run_worker(seed, shared_of(tmp_path), lambda _: None)
    with open_shared(shared_of(tmp_path).url, "s") as study:
        assert len(study.get_trials()) == 1


def test_a_worker_s_folder_is_no_study_of_this_machine_alone(
    request_of: RunRequest, tmp_path: Path
) -> None:
    run_worker(replace(request_of, trials=1), shared_of(tmp_path), lambda _: None)
    with pytest.raises(UserError, match="part of a shared study"):
        run_study(replace(request_of, study="s"), lambda _: None)


def test_a_new_study_is_begun_by_another_name(request_of: RunRequest, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name alone"):
        run_worker(replace(request_of, new_study=True), shared_of(tmp_path), lambda _: None)


@pytest.mark.scale
def test_a_winner_is_checked_on_a_second_host(request_of: RunRequest, tmp_path: Path) -> None:
    """Two workers of one process cannot be: the second comes when the first has confirmed."""
    request = replace(request_of, trials=4, hold=False)
    one = run_worker(request, replace(shared_of(tmp_path), host="host-a"), lambda _: None)
    other = replace(request, studies_dir=tmp_path / "b")
    two = run_worker(other, replace(shared_of(tmp_path), host="host-b"), lambda _: None)
    assert two.winner == one.winner
    if one.winner is None:
        return
    assert any("no second host" in note for note in one.notes)
    assert any("host host-b" in note for note in two.notes)
    result = StudyFolder(tmp_path / "b" / "s").read_result()
    assert result is not None
    assert result["check"]["host"] == "host-b"
    assert result["check"]["trial"] == one.winner
