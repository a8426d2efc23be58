"""A run told several times in one folder is read once, from the best of what tells of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from autotune.workload.load import load_workload


def trial(folder: Path, fixtures: Path) -> Path:
    """A Harbor trial: the trajectory in ``agent/``."""
    agent = folder / "trial-1" / "agent"
    agent.mkdir(parents=True)
    shutil.copy(fixtures / "atif-small.json", agent / "trajectory.json")
    return agent


def passed_over(folder: Path) -> list[str]:
    damage = load_workload(folder).damage
    return [d.file for d in damage if d.kind == "skipped-file" and "read from" in d.detail]


def test_a_trajectory_alone_is_read(tmp_path: Path, fixtures: Path) -> None:
    trial(tmp_path, fixtures)
    assert load_workload(tmp_path).formats == ("atif",)
    assert passed_over(tmp_path) == []


def test_the_agent_s_own_log_is_read_instead(tmp_path: Path, fixtures: Path) -> None:
    agent = trial(tmp_path, fixtures)
    (agent / "sessions" / "deep").mkdir(parents=True)
    shutil.copy(fixtures / "fizeau-small.jsonl", agent / "sessions" / "deep" / "svc.jsonl")
    assert load_workload(tmp_path).formats == ("fizeau",)
    assert passed_over(tmp_path) == ["trial-1/agent/trajectory.json"]
    assert load_workload(agent).formats == ("fizeau",)


def test_a_log_whose_name_sorts_before_is_read_instead(tmp_path: Path, fixtures: Path) -> None:
    agent = trial(tmp_path, fixtures)
    name = "mini-swe-agent.trajectory.json"
    shutil.copy(fixtures / "mini-swe-agent-small.traj.json", agent / name)
    assert load_workload(tmp_path).formats == ("mini-swe-agent",)


def test_a_file_that_is_named_is_read_whatever_lies_beside_it(
    tmp_path: Path, fixtures: Path
) -> None:
    agent = trial(tmp_path, fixtures)
    shutil.copy(fixtures / "fizeau-small.jsonl", agent / "svc.jsonl")
    assert load_workload(agent / "trajectory.json").formats == ("atif",)


def test_trials_do_not_hide_each_other(tmp_path: Path, fixtures: Path) -> None:
    trial(tmp_path, fixtures)
    other = tmp_path / "trial-2" / "agent"
    other.mkdir(parents=True)
    shutil.copy(fixtures / "atif-bare-small.json", other / "trajectory.json")
    shutil.copy(fixtures / "fizeau-small.jsonl", tmp_path / "svc.jsonl")
    workload = load_workload(tmp_path)
    assert workload.formats == ("atif", "fizeau")
    assert len(workload.sessions) == 4


def completion(folder: Path) -> None:
    folder.mkdir(parents=True)
    request = {"messages": [{"role": "user", "content": "Fix it."}], "response": {}, "kwargs": {}}
    (folder / "m-1-1767323003.5.json").write_text(json.dumps(request))


def test_requests_are_better_than_events_and_trajectories(tmp_path: Path, fixtures: Path) -> None:
    agent = trial(tmp_path, fixtures)
    shutil.copy(fixtures / "openhands-small.jsonl", agent / "output.jsonl")
    completion(agent / "completions")
    assert load_workload(tmp_path).formats == ("openhands-completions",)
    assert sorted(passed_over(tmp_path)) == [
        "trial-1/agent/output.jsonl",
        "trial-1/agent/trajectory.json",
    ]


def test_the_output_of_a_benchmark_yields_to_its_logged_requests(
    tmp_path: Path, fixtures: Path
) -> None:
    shutil.copy(fixtures / "openhands-small.jsonl", tmp_path / "output.jsonl")
    shutil.copy(fixtures / "fizeau-small.jsonl", tmp_path / "kept.jsonl")
    assert load_workload(tmp_path).formats == ("fizeau", "openhands")
    completion(tmp_path / "llm_completions" / "made__up-1")
    assert load_workload(tmp_path).formats == ("fizeau", "openhands-completions")
    assert passed_over(tmp_path) == ["output.jsonl"]
