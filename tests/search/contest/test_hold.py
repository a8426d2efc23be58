"""The winner of a contest is filled on its own engine, and gives way when it does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gguf_file import write_gguf
from manifest import write_manifest
from stopwatch import nominal_times

from autotune.errors import ExitCode
from autotune.scoring.held import Held
from autotune.search.contest.request import ContestRequest, EngineWords, make_request
from autotune.search.contest.session import run_contest
from autotune.search.events import Event, HoldFinished, HoldStarted, Summary
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[2] / "fakes" / "fake_space.toml"


@pytest.fixture(scope="module", autouse=True)
def undisturbed() -> Iterator[None]:
    """Who wins is asked here, and not what others do to the machine."""
    with nominal_times():
        yield


def contest(folder: Path, *faults: str) -> ContestRequest:
    """`slow` takes sixty times as long for a computed token; `fast` has `faults`.

    Four sessions are held out: with two, one that was disturbed decides whether anything wins.
    """
    spec = SynthesisSpec(sessions=8, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), folder / "wl.jsonl")
    write_gguf(folder / "fake.gguf")
    speed: dict[str, Any] = {"token_us": 3000.0, "search_space": str(SPACE)}
    fast = write_manifest(folder / "fast", *faults, prefill_us=25.0, name="fast", **speed)
    slow = write_manifest(folder / "slow", prefill_us=1500.0, name="slow", **speed)
    base = RunRequest(
        workload=folder / "wl.jsonl",
        gpu="cpu",
        trials=2,
        confirm_blocks=1,
        max_output_tokens=3,
        study="c",
        studies_dir=folder / "studies",
    )
    engines = EngineWords(
        engines=(str(slow), str(fast)),
        models={"": folder / "fake.gguf"},
        pins={"parallel": 1, "ubatch-size": 512},
    )
    request = make_request(base, engines)
    assert isinstance(request, ContestRequest)
    return request


def ran(request: ContestRequest) -> tuple[Summary, list[Event], StudyFolder]:
    events: list[Event] = []
    summary = run_contest(request, events.append)
    return summary, events, StudyFolder(request.shared.studies_dir / "c")


def test_the_winning_engine_is_filled(tmp_path: Path) -> None:
    summary, events, folder = ran(contest(tmp_path))
    assert (summary.exit_code, summary.engine) == (ExitCode.DONE, "fast")
    assert summary.held is not None
    held = Held.from_json(summary.held)
    assert held.holds
    assert held.sessions == 4
    (started,) = [e for e in events if isinstance(e, HoldStarted)]
    assert started.arm.startswith("fast-")
    arms = {r.arm for r in folder.read_turns() if r.arm.startswith("hold-")}
    assert arms == {f"hold-0002-{started.arm}"}
    # The engine's own study remembers it.
    slow, fast = folder.engine_studies()
    assert (len(slow.read_holds()), len(fast.read_holds())) == (0, 1)
    result = folder.read_result()
    assert result is not None
    assert result["hold"]["winner"]["holds"] is True


def test_an_engine_that_does_not_hold_does_not_win(tmp_path: Path) -> None:
    # The deepest turn has 568 words and a tenth is wanted on top of it.
    summary, events, folder = ran(contest(tmp_path, "fail-past=600"))
    (finished,) = [e for e in events if isinstance(e, HoldFinished)]
    assert not finished.holds, finished
    assert summary.exit_code == ExitCode.NOTHING_BETTER
    assert (summary.winner, summary.engine, summary.held) == (None, None, None)
    assert f"{finished.arm} was faster but did not hold: failed at " in summary.verdict
    assert any("was dropped: it did not hold: failed at " in note for note in summary.notes)
    result = folder.read_result()
    assert result is not None
    assert result["hold"]["refused"][finished.arm]["failure"] == "out-of-memory"
