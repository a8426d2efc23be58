"""A whole run on a real process: verdict, files, going on, and what it refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from stopwatch import nominal_times

from autotune.candidate import Setting
from autotune.errors import ExitCode, MachineError, UserError
from autotune.search.describe import describe
from autotune.search.events import (
    ConfirmBlock,
    Event,
    Prepared,
    TrialFinished,
    TrialStarted,
)
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.search.twins import Twins
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


@pytest.fixture(scope="module", autouse=True)
def undisturbed() -> Iterator[None]:
    """Who wins is asked here, and not what others do to the machine."""
    with nominal_times():
        yield


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sessions of two turns, 800 to 1000 tokens deep."""
    path = tmp_path_factory.mktemp("workload") / "wl.jsonl"
    spec = SynthesisSpec(sessions=4, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    return path


@pytest.fixture
def request_for(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path, workload: Path
) -> Callable[..., RunRequest]:
    """A request against the fake engine; a computed prompt token takes 0.1 ms at ubatch 512."""

    def make(*faults: str, prefill_us: float = 100.0, **fields: object) -> RunRequest:
        # Tokens are paced: at once they would make the decode rate a measure of the load.
        manifest = fake_engine_manifest(
            *faults, prefill_us=prefill_us, token_us=5000.0, search_space=str(SPACE)
        )
        base = RunRequest(
            workload=workload,
            engine=str(manifest),
            model=fake_model,
            gpu="cpu",
            trials=3,
            confirm_blocks=1,
            max_output_tokens=3,
            study="s",
            studies_dir=tmp_path / "studies",
        )
        return replace(base, **fields)  # type: ignore[arg-type]

    return make


Make = Callable[..., RunRequest]


def folder_of(request: RunRequest) -> StudyFolder:
    return StudyFolder(request.studies_dir / (request.study or ""))


def test_a_run_finds_the_faster_setting_and_leaves_everything_behind(request_for: Make) -> None:
    request = request_for(prefill_us=3000.0)
    events: list[Event] = []
    summary = run_study(request, events.append)
    assert summary.exit_code == ExitCode.DONE, summary
    assert summary.changes.get("ubatch-size") == 2048
    assert summary.speedup is not None
    assert summary.speedup > 1
    assert summary.interval is not None
    assert summary.interval[0] > 1
    assert "held-out sessions" in summary.verdict
    assert "--ubatch-size 2048" in (summary.launch_command or "")
    assert "--port 0" not in (summary.launch_command or "")
    folder = folder_of(request)
    result = folder.read_result()
    assert result is not None
    assert result["winner"]["settings"]["ubatch-size"] == 2048
    assert result["summary"]["verdict"] == summary.verdict
    assert result["held_out"] is True
    provenance = folder.read_provenance()
    assert provenance["workload_digest"].startswith("sha256:")
    assert provenance["engine_sha256"]
    logs = {p.name for p in folder.logs.iterdir()}
    assert {"survey.log", "trial-0000-b0.log", "confirm-0003-default-b0.log"} <= logs
    assert isinstance(events[0], Prepared)
    assert sum(isinstance(e, ConfirmBlock) for e in events) >= 2


def test_searched_and_confirmed_sessions_are_apart(request_for: Make) -> None:
    request = request_for()
    run_study(request, lambda _: None)
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    for record in folder_of(request).read_turns():
        if not record.arm.startswith("hold-"):  # a winner is filled with all of them
            seen[record.arm.startswith("trial")].add(record.session_id)
    assert len(seen[True]) == len(seen[False]) == 2
    assert not seen[True] & seen[False]


def test_a_launch_that_runs_as_a_measured_config_is_not_replayed(
    request_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the engine cut every other batch size to the default's."""

    def after(twins: Twins, asked: Mapping[str, Setting], _: Mapping[str, Setting]) -> str | None:
        known = next(iter(twins._seen), None)
        return known if known and asked["ubatch-size"] != 512 else None

    monkeypatch.setattr(Twins, "after", after)
    request = request_for(trials=2)
    run_study(request, lambda _: None)
    folder = folder_of(request)
    twins = [t for t in folder.read_trials() if t["state"] == "duplicate"]
    assert twins
    assert all(t["same_as"] == 0 and t["settings"]["ubatch-size"] != 512 for t in twins)
    launched = {f"trial-{t['number']:04d}-b0.log" for t in twins}
    assert launched & {p.name for p in folder.logs.iterdir()}
    replayed = {r.arm for r in folder.read_turns()}
    assert not replayed & {f"trial-{t['number']:04d}" for t in twins}


def test_where_every_setting_is_as_fast_nothing_wins(request_for: Make) -> None:
    request = request_for(pins={"ubatch-size": 512}, trials=2, confirm_blocks=2)
    summary = run_study(request, lambda _: None)
    assert summary.exit_code in (ExitCode.NOTHING_BETTER, ExitCode.DONE)
    if summary.exit_code == ExitCode.NOTHING_BETTER:
        assert summary.winner is None
        assert "No config beats the default" in summary.verdict
    else:  # a busy machine may make one slower: then the interval must say so
        assert summary.interval is not None
        assert summary.interval[0] > 1


def test_the_same_request_again_launches_nothing_and_says_the_same(request_for: Make) -> None:
    request = request_for()
    first = run_study(request, lambda _: None)
    records = len(list(folder_of(request).read_turns()))
    events: list[Event] = []
    second = run_study(request, events.append)
    assert second.verdict == first.verdict
    assert len(list(folder_of(request).read_turns())) == records
    assert not any(isinstance(e, TrialStarted) for e in events)


def test_more_trials_go_on_from_those_there(request_for: Make) -> None:
    request = request_for(trials=1)
    run_study(request, lambda _: None)
    events: list[Event] = []
    run_study(replace(request, trials=3), events.append)
    numbers = [e.number for e in events if isinstance(e, TrialFinished)]
    assert numbers[0] == 1
    prepared = next(e for e in events if isinstance(e, Prepared))
    assert prepared.trials_done == 1


def test_a_polite_stop_says_how_to_resume(request_for: Make) -> None:
    request = request_for(trials=3)
    stop = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, TrialStarted) and event.number == 1:
            stop.set()

    summary = run_study(request, listen, stop=stop)
    assert summary.exit_code == ExitCode.STOPPED_EARLY
    assert summary.trials == 2
    assert summary.resume is not None
    assert "--study s" in summary.resume
    assert folder_of(request).read_result() is None
    finished = run_study(request, lambda _: None)
    assert finished.trials == 3
    assert finished.exit_code in (ExitCode.DONE, ExitCode.NOTHING_BETTER)


def test_a_changed_model_is_refused_with_the_reason(request_for: Make, tmp_path: Path) -> None:
    request = request_for(trials=1)
    run_study(request, lambda _: None)
    other = tmp_path / "other.gguf"
    assert request.model is not None
    data = bytearray(request.model.read_bytes())
    data[-1] ^= 1
    other.write_bytes(bytes(data) + b"\0" * 32)
    with pytest.raises(UserError, match="model \\(was"):
        run_study(replace(request, model=other), lambda _: None)
    fresh = run_study(replace(request, model=other, new_study=True), lambda _: None)
    assert fresh.study == "s-2"


def test_a_changed_workload_is_refused_with_the_reason(request_for: Make) -> None:
    request = request_for(trials=1)
    run_study(request, lambda _: None)
    with pytest.raises(UserError, match=r"workload|replay plan"):
        run_study(replace(request, max_sessions=3), lambda _: None)


def test_no_feasible_trial_is_said_with_its_reasons(request_for: Make) -> None:
    summary = run_study(request_for("wrong-settings"), lambda _: None)
    assert summary.exit_code == ExitCode.NO_FEASIBLE_TRIAL
    assert summary.trials == summary.failed == 3
    assert any("settings-differ" in note for note in summary.notes)


def test_an_engine_that_never_starts_is_a_machine_error(request_for: Make) -> None:
    with pytest.raises(MachineError, match="load-error"):
        run_study(request_for("die-during-load"), lambda _: None)


def test_a_workload_deeper_than_the_model_is_cut_and_said(
    request_for: Make, tmp_path: Path
) -> None:
    path = tmp_path / "deep.jsonl"
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=40000, depth=90000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    request = request_for(workload=path, trials=1, prefill_us=0.0)
    events: list[Event] = []
    run_study(request, events.append)
    prepared = next(e for e in events if isinstance(e, Prepared))
    assert prepared.deepest_tokens < 32768
    assert any("beyond the model's context" in note for note in prepared.notes)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": None}, "no model"),
        ({"model": Path("/nowhere.gguf")}, "no model at"),
        ({"study": "a/b"}, "cannot name a study"),
        ({"depth": "60k-120k"}, "no turn"),
        ({"gpu": "3090"}, "3090"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_launched(
    request_for: Make, fields: dict[str, object], words: str
) -> None:
    with pytest.raises((UserError, MachineError), match=words) as caught:
        run_study(request_for(**fields), lambda _: None)
    assert caught.value.hint


def test_a_dry_run_writes_and_launches_nothing(request_for: Make) -> None:
    request = request_for()
    dry = describe(request)
    assert not folder_of(request).path.exists()
    assert "--ubatch-size" in dry.argv
    assert dry.parameters == 4
    assert dry.config["held_out"] is True
    json.dumps(dry.config)
    assert any("engine has counted" in note for note in dry.notes)
