"""A whole contest on real processes: verdict, files, going on, and what it refuses."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gguf_file import LLAMA, write_gguf
from manifest import write_manifest
from stopwatch import nominal_times

from autotune.errors import ExitCode, MachineError, UserError
from autotune.export.from_study import trial_config, winner_config
from autotune.search.contest.describe import describe_contest
from autotune.search.contest.request import ContestRequest, EngineWords, make_request
from autotune.search.contest.session import run_contest
from autotune.search.events import (
    ConfirmBlock,
    ContestPrepared,
    EngineChosen,
    Event,
    Summary,
    TrialFinished,
    TrialStarted,
)
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[2] / "fakes" / "fake_space.toml"

Make = Callable[..., ContestRequest]


@pytest.fixture(scope="module", autouse=True)
def undisturbed() -> Iterator[None]:
    """Who wins is asked here, and not what others do to the machine."""
    with nominal_times():
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a workload of four sessions of two turns, 430 to 550 tokens deep."""
    path = tmp_path_factory.mktemp("contest")
    spec = SynthesisSpec(sessions=4, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path / "wl.jsonl")
    write_gguf(path / "fake.gguf")
    return path


def contest_in(
    place: Path, folder: Path, *faults: str, words: dict[str, Any] | None = None, **fields: Any
) -> ContestRequest:
    """A contest of two fake engines; `slow` takes eighty times as long for a computed token."""
    # Tokens are paced: at once they would make the decode rate a measure of the load.
    speed = {"token_us": 3000.0, "search_space": str(SPACE)}
    fast = write_manifest(folder / "fast", prefill_us=25.0, name="fast", **speed)
    slow = write_manifest(folder / "slow", *faults, prefill_us=2000.0, name="slow", **speed)
    base = RunRequest(
        workload=place / "wl.jsonl",
        gpu="cpu",
        trials=4,
        confirm_blocks=1,
        max_output_tokens=3,
        study="c",
        studies_dir=folder / "studies",
    )
    said = {"models": {"": place / "fake.gguf"}, **(words or {})}
    engines = EngineWords(engines=(str(slow), str(fast)), **said)
    request = make_request(replace(base, **fields), engines)
    assert isinstance(request, ContestRequest)
    return request


@pytest.fixture
def contest(place: Path, tmp_path: Path) -> Make:
    """`contest_in` an empty folder."""
    return partial(contest_in, place, tmp_path)


@dataclass(frozen=True)
class Finished:
    """A contest that was run to its end, once for all tests that only look at it."""

    request: ContestRequest
    events: list[Event]
    summary: Summary

    @property
    def folder(self) -> StudyFolder:
        return folder_of(self.request)


@pytest.fixture(scope="module")
def finished(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two trials an engine and two blocks of confirmation."""
    request = contest_in(place, tmp_path_factory.mktemp("finished"), confirm_blocks=2)
    events: list[Event] = []
    return Finished(request, events, run_contest(request, events.append))


def folder_of(request: ContestRequest) -> StudyFolder:
    return StudyFolder(request.shared.studies_dir / (request.shared.study or ""))


def test_the_faster_engine_wins(finished: Finished) -> None:
    summary, events = finished.summary, finished.events
    assert summary.exit_code == ExitCode.DONE, summary
    assert summary.engine == "fast"
    assert summary.interval is not None
    assert summary.interval[0] > 1
    assert summary.verdict.startswith("fast with ")
    assert "beats slow with its defaults: " in summary.verdict
    assert "on held-out sessions" in summary.verdict
    assert {(row.engine, row.role) for row in summary.arms} >= {
        ("slow", "default"), ("fast", "default"),
    }  # fmt: skip
    baseline = next(row for row in summary.arms if row.engine == "slow" and row.role == "default")
    assert baseline.speedup is None
    assert all(row.turn_s and row.ttft_p50_s and row.decode_p50_tps for row in summary.arms)
    assert isinstance(events[0], ContestPrepared)
    assert [e.engine for e in events if isinstance(e, EngineChosen)] == ["slow", "fast"] * 2


def test_the_winners_changes_are_told_by_its_search_alone(finished: Finished) -> None:
    """Nothing is launched for it, and nothing dropped: the budget is for who is fastest."""
    summary = finished.summary
    assert {row["name"] for row in summary.effects} <= set(summary.changes)
    assert all(row["ratio"] or row["failure"] for row in summary.effects)
    assert summary.needless == ()
    assert not any(r.arm.startswith("effects-") for r in finished.folder.read_turns())


def test_what_wins_can_be_exported_from_the_contest(finished: Finished) -> None:
    config = winner_config(finished.folder)
    assert config.provenance.study == "c"
    manifest = Path(finished.request.entrants[1].request.engine).resolve()
    assert config.provenance.engine == str(manifest)
    assert [study.name for study in finished.folder.engine_studies()] == ["slow", "fast"]
    with pytest.raises(UserError, match="which engine's trial 1"):
        trial_config(finished.folder, 1)


def test_arms_take_turns_on_the_same_held_out_turns(finished: Finished) -> None:
    blocks = [(e.arm, e.block) for e in finished.events if isinstance(e, ConfirmBlock)]
    first = [arm for arm, block in blocks if block == 0]
    assert [arm for arm, block in blocks if block == 1] == list(reversed(first))
    turns: dict[str, list[tuple[str, int, int]]] = {}
    for record in finished.folder.read_turns():
        key = (record.session_id, record.turn, record.block)
        turns.setdefault(record.arm, []).append(key)
    confirmed = [keys for arm, keys in turns.items() if arm.startswith("confirm-")]
    assert len(confirmed) >= 2
    assert all(keys == confirmed[0] for keys in confirmed)
    studies = finished.folder.engine_studies()
    searched = {r.session_id for study in studies for r in study.read_turns()}
    assert not searched & {session for session, _, _ in confirmed[0]}


def test_the_same_request_again_launches_nothing_and_says_the_same(finished: Finished) -> None:
    records = len(list(finished.folder.read_turns()))
    events: list[Event] = []
    second = run_contest(finished.request, events.append)
    assert second.verdict == finished.summary.verdict
    assert len(list(finished.folder.read_turns())) == records
    assert not any(isinstance(e, TrialStarted) for e in events)


def test_a_contest_is_no_study_of_one_engine_and_the_other_way_round(finished: Finished) -> None:
    request = finished.request
    alone = replace(request.entrants[0].request, study="c")
    with pytest.raises(UserError, match="study c is a contest of slow,fast"):
        run_study(alone, lambda _: None)
    inside = replace(request.shared, studies_dir=finished.folder.path, study="slow")
    with pytest.raises(UserError, match="study slow is of one engine"):
        run_contest(replace(request, shared=inside), lambda _: None)


def test_other_engines_or_another_order_are_another_contest(finished: Finished) -> None:
    turned = replace(finished.request, entrants=finished.request.entrants[::-1], baseline="fast")
    with pytest.raises(UserError, match="is between slow, fast"):
        run_contest(turned, lambda _: None)


def test_each_engines_study_goes_on_alone_and_the_contest_takes_what_it_found(
    finished: Finished, tmp_path: Path
) -> None:
    shutil.copytree(finished.request.shared.studies_dir, tmp_path, dirs_exist_ok=True)
    shared = replace(finished.request.shared, studies_dir=tmp_path, confirm_blocks=1, trials=5)
    request = replace(finished.request, shared=shared)
    own = folder_of(request).engine_studies()[1]
    assert own.read_result() is not None
    assert [t["state"] for t in own.read_trials()] == ["complete", "complete"]
    alone = replace(
        request.entrants[1].request, studies_dir=own.path.parent, study="fast", trials=3,
        confirm_blocks=1,
    )  # fmt: skip
    events: list[Event] = []
    assert run_study(alone, events.append).trials == 3
    assert [e.number for e in events if isinstance(e, TrialStarted)] == [2]
    again = run_contest(request, events.append)
    assert again.trials == 5
    assert sum(isinstance(e, TrialStarted) for e in events) == 1


def test_a_polite_stop_says_how_to_resume_and_the_rest_follows(contest: Make) -> None:
    request = contest()
    stop = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, TrialFinished) and event.trials_done == 2:
            stop.set()

    summary = run_contest(request, listen, stop=stop)
    assert summary.exit_code == ExitCode.STOPPED_EARLY
    assert summary.trials == 2
    assert summary.resume is not None
    assert "--study c" in summary.resume
    assert f"--engine {request.shared.engine}" in summary.resume
    assert folder_of(request).read_result() is None
    finished = run_contest(request, lambda _: None)
    assert finished.trials == 4
    assert finished.exit_code == ExitCode.DONE


def test_an_engine_that_fails_is_said_and_the_other_is_the_baseline(contest: Make) -> None:
    summary = run_contest(contest("wrong-settings"), lambda _: None)
    assert any(note.startswith("none of 2 trials of slow") for note in summary.notes)
    assert any("everything is compared with fast" in note for note in summary.notes)
    assert {row.engine for row in summary.arms} == {"fast"}


def test_an_engine_that_never_starts_is_named(contest: Make) -> None:
    with pytest.raises(MachineError, match=r"slow: .*load-error"):
        run_contest(contest("die-during-load"), lambda _: None)


def test_what_cannot_be_is_refused_before_anything_is_written(contest: Make) -> None:
    request = contest(words={"models": {"fast": Path("/nowhere.gguf")}})
    with pytest.raises(UserError, match=r"^slow: no model is named"):
        run_contest(request, lambda _: None)
    assert not folder_of(request).path.exists()


def test_pins_are_of_one_engine(contest: Make) -> None:
    request = contest(trials=2, words={"pins": {"slow:ubatch-size": 128, "parallel": 1}})
    run_contest(request, lambda _: None)
    slow, fast = folder_of(request).engine_studies()
    assert slow.read_trials()[0]["settings"]["ubatch-size"] == 128
    assert fast.read_trials()[0]["settings"]["ubatch-size"] == 512


def test_turns_that_one_engine_cannot_hold_are_left_out_and_said(
    contest: Make, tmp_path: Path
) -> None:
    short = tmp_path / "short.gguf"
    # Its context ends between the first turn, of 430 tokens, and the second, of 530.
    write_gguf(short, {**LLAMA, "llama.context_length": 560})
    request = contest(trials=2)
    slow, fast = request.entrants
    cut = replace(slow, request=replace(slow.request, model=short))
    events: list[Event] = []
    run_contest(replace(request, entrants=(cut, fast)), events.append)
    prepared = next(e for e in events if isinstance(e, ContestPrepared))
    note = next(n for n in prepared.notes if "left out" in n)
    assert note == "4 of 8 turns are left out, as not every engine can hold them: slow holds 4"
    plans = [
        {(r.session_id, r.turn) for r in study.read_turns()}
        for study in folder_of(request).engine_studies()
    ]
    assert plans[0] == plans[1]
    assert {turn for _, turn in plans[0]} == {0}


def test_a_dry_run_tells_of_every_engine_and_launches_nothing(contest: Make) -> None:
    request = contest()
    dry = describe_contest(request)
    assert not folder_of(request).path.exists()
    assert list(dry.engines) == ["slow", "fast"]
    assert (dry.baseline, dry.trials) == ("slow", 4)
    assert all("--ubatch-size" in one.argv for one in dry.engines.values())
