"""A study with a quality guard, one that cannot have it, and the guard on real weights."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calling_sessions import sessions

from autotune.candidate import Candidate, Setting
from autotune.launchers.protocol import Launcher, Server
from autotune.models.gguf import read_gguf
from autotune.replay.endpoint import Rendering
from autotune.scoring.quality import Standing, Threshold
from autotune.search.events import Event, Prepared
from autotune.search.guarding import threshold_of
from autotune.search.quality_gate import GuardPlan, QualityGate
from autotune.search.quality_store import Finding
from autotune.search.request import RunRequest
from autotune.search.resume import request_words
from autotune.search.session import run_study
from autotune.search.space import Parameter, Space, to_settings
from autotune.study.folder import StudyFolder
from autotune.study.quality_log import quality_path, read_quality
from autotune.trial.quality_walks import plan_walks
from autotune.trial.real import RealMeasurer
from autotune.trial.serving import serving
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
KV = """
[parameters.cache-type-k]
choices = ["f16", "q4_0"]
default = "f16"
concept = "quantization"
quality = true
"""


@pytest.fixture
def request_for(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> Callable[..., RunRequest]:
    """One trial against an engine that gives no probabilities, with a setting that needs them."""
    workload, space = tmp_path / "wl.jsonl", tmp_path / "space.toml"
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    space.write_text(SPACE.read_text().replace("[[start]]", KV + "\n[[start]]"))
    manifest = str(fake_engine_manifest(search_space=str(space)))

    def make(**fields: Any) -> RunRequest:
        base = RunRequest(
            workload=workload, engine=manifest, model=fake_model, gpu="cpu", trials=1,
            confirm_blocks=1, max_output_tokens=2, study="s", studies_dir=tmp_path / "studies",
            hold=False,
        )  # fmt: skip
        return replace(base, **fields)

    return make


def prepared(request: RunRequest) -> Prepared:
    events: list[Event] = []
    run_study(request, events.append)
    return next(e for e in events if isinstance(e, Prepared))


def test_an_engine_without_probabilities_keeps_its_defaults_and_says_why(
    request_for: Callable[..., RunRequest],
) -> None:
    request = request_for(quality="guard")
    told = prepared(request)
    assert told.parameters == 4
    assert (
        "cache-type-k stay at their defaults: no quality guard, as the engine gives no "
        "probabilities of tokens"
    ) in told.notes
    folder = StudyFolder(request.studies_dir / "s")
    (row,) = read_quality(quality_path(folder.path))
    assert row["answers"] is None
    # Continued, it is known without a launch.
    assert prepared(replace(request, trials=2)).parameters == 4
    assert len(read_quality(quality_path(folder.path))) == 1


def test_without_a_wish_nothing_is_guarded_and_any_searches_unguarded(
    request_for: Callable[..., RunRequest],
) -> None:
    request = request_for(study="kept")
    assert prepared(request).parameters == 4
    assert not quality_path(request.studies_dir / "kept").exists()
    request = request_for(quality="any", study="any")
    assert prepared(request).parameters == 5
    assert not quality_path(request.studies_dir / "any").exists()


def test_what_was_asked_for_decides_who_is_guarded() -> None:
    def asked(**fields: Any) -> RunRequest:
        return RunRequest(workload=Path("w"), **fields)

    assert not asked().searches_quality
    assert asked(allow_quality_change=True).guards_quality
    assert asked(quality="guard").guards_quality
    assert asked(quality="any").searches_quality
    assert not asked(quality="any", allow_quality_change=True).guards_quality
    files = asked(also_model=(Path("b.gguf"), Path("c.gguf")))
    assert files.guards_quality
    assert not files.searches_quality
    words = request_words(files)
    assert words[-4:] == ["--also-model", "b.gguf", "--also-model", "c.gguf"]
    found = threshold_of(asked(max_kl_p99=1.0, min_top1=0.5, min_calls_kept=0.25))
    assert found == Threshold(1.0, 0.5, 0.25)


BLOCK_ELEMENTS = 32
"""Weights that share a scale, in every 4- and 8-bit type of this kind."""

REAL_SPACE = Space(
    "reference",
    (
        Parameter("broken", (False, True), False, "quantization", quality=True),
        Parameter("spare", (1, 2), 1, "none", quality=True),
    ),
    fixed={"ctx-size": 2048, "parallel": 1, "cache-ram": 0, "threads": 1, "poll": 0},
)
"""`broken` and `spare` are no flags: the first picks the model file, the other does nothing."""


def broken_copy(model: Path, path: Path) -> Path:
    """`model` with the feed-forward weights of three layers in another order, block by block.

    Every number in it is one that was there before, so it loads and answers like a sound one.
    """
    data, header = bytearray(model.read_bytes()), read_gguf(model)
    for tensor in header.tensors:
        if tensor.name in {f"blk.{layer}.ffn_down.weight" for layer in (8, 12, 16)}:
            start = header.data_offset + tensor.offset
            size = tensor.size_bytes // (tensor.n_elements // BLOCK_ELEMENTS)
            blocks = [
                bytes(data[at : at + size]) for at in range(start, start + tensor.size_bytes, size)
            ]
            random.Random(0).shuffle(blocks)
            data[start : start + tensor.size_bytes] = b"".join(blocks)
    path.write_bytes(data)
    return path


def test_real_weights_against_themselves_and_against_a_broken_file(
    smollm2: Path, reference_launcher: Launcher, tmp_path: Path
) -> None:
    files = {False: smollm2, True: broken_copy(smollm2, tmp_path / "broken.gguf")}
    turns = sessions(1, steps=5)
    depths = {(t.session_id, t.index): 100 for t in turns}

    def serve(candidate: Candidate, name: str) -> AbstractContextManager[Server]:
        settings = dict(candidate.settings)
        measurer = RealMeasurer(
            launcher=reference_launcher, model=files[bool(settings.pop("broken"))],
            logs_dir=tmp_path / "logs", work_dir=tmp_path / "work", seed=0,
        )  # fmt: skip
        settings.pop("spare")
        return serving(measurer, Candidate(settings), name)

    plan = GuardPlan(
        walks=plan_walks(turns, depths, Rendering.PLAIN, seed=0), threshold=Threshold(),
        identity={}, model_name="local", seed=0, positions=100, calls=2,
    )  # fmt: skip
    gate = QualityGate(plan, REAL_SPACE, serve, tmp_path / "study")
    assert gate.open() is None

    def check(**values: Setting) -> Finding:
        settings = to_settings(REAL_SPACE, {**REAL_SPACE.defaults, **values})
        found = gate.check(Candidate(settings))
        assert found is not None
        return found

    same = check(spare=2)
    assert same.verdict.standing is Standing.PASSES
    assert same.figures is not None
    assert same.figures.kl_p99.high == 0.0
    assert same.figures.top1.value == 1.0
    ruined = check(broken=True)
    assert ruined.verdict.standing is Standing.FAILS
    assert ruined.figures is not None
    assert ruined.figures.kl_p99.low > 1.0
    assert "above 0.1" in (ruined.reason or "")
