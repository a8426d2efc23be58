"""A contest on a real engine: the reference engine against itself with one thread."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from autotune.errors import ExitCode
from autotune.search.contest.request import ContestRequest, EngineWords, make_request
from autotune.search.contest.session import run_contest
from autotune.search.events import ContestPrepared, Event
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture
from make_deep_gguf import Shape, write


@pytest.fixture
def one_threaded(tmp_path: Path) -> Path:
    """The shipped manifest under another name; its threads are pinned by the request."""
    text = Path(str(files("autotune.launchers") / "manifests" / "reference.toml")).read_text()
    path = tmp_path / "one-threaded.toml"
    path.write_text(text.replace('name = "reference"', 'name = "one-threaded"'))
    return path


@pytest.fixture
def small_model(smollm2: Path, tmp_path: Path) -> Path:
    """One random layer behind SmolLM2's tokenizer and template: prefilled in no time."""
    path = tmp_path / "small.gguf"
    write(smollm2, path, Shape(layers=1, width=64, feed_forward=128, context_tokens=8192))
    return path


@pytest.mark.usefixtures("reference_launcher")
def test_the_same_engine_under_two_names_is_compared_on_the_same_turns(
    one_threaded: Path, small_model: Path, tmp_path: Path
) -> None:
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=700, depth=800, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    base = RunRequest(
        workload=workload, gpu="cpu", trials=2, confirm_blocks=1, max_output_tokens=3, hold=False,
        study="c", studies_dir=tmp_path / "studies",
    )  # fmt: skip
    engines = EngineWords(
        engines=("reference", str(one_threaded)),
        models={"": small_model},
        pins={"one-threaded:threads": 1, "one-threaded:threads-batch": 1},
    )
    request = make_request(base, engines)
    assert isinstance(request, ContestRequest)
    events: list[Event] = []
    summary = run_contest(request, events.append)
    assert summary.exit_code in (ExitCode.DONE, ExitCode.NOTHING_BETTER), summary
    assert [(row.engine, row.role) for row in summary.arms] == [
        ("reference", "default"), ("one-threaded", "default"),
    ]  # fmt: skip
    # One tokenizer: both count the same depths of the same turns.
    prepared = next(e for e in events if isinstance(e, ContestPrepared))
    assert len({row.deepest_tokens for row in prepared.engines}) == 1
    assert not any("counts these prompts" in note for note in prepared.notes)
    folder = StudyFolder(tmp_path / "studies" / "c")
    one = folder.engine_studies()[1]
    assert one.read_trials()[0]["settings"]["threads"] == 1
    turns = {
        arm: [(r.session_id, r.turn, r.output_tokens) for r in folder.read_turns() if r.arm == arm]
        for arm in {r.arm for r in folder.read_turns()}
    }
    assert len(turns) == 2
    assert len({tuple(rows) for rows in turns.values()}) == 1
