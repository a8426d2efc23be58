"""What a run would do, on a GPU that is not here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from gguf_file import LLAMA, write_gguf

from autotune.errors import UserError
from autotune.search.contest.describe import describe_contest
from autotune.search.contest.request import ContestRequest, EngineWords, make_request
from autotune.search.describe import DryRun, describe
from autotune.search.exclusions import HELD_QUALITY
from autotune.search.request import RunRequest
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

GIB = 2**30
WIDE = {
    **LLAMA,
    "llama.block_count": 64,
    "llama.embedding_length": 8192,
    "llama.attention.head_count": 64,
    "llama.attention.head_count_kv": 64,
}
"""2 x 64 layers x 64 heads x 128 x 2 bytes: 2 MiB of KV cache a token, 64 GiB for 32768."""


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workload") / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    return path


@pytest.fixture
def planned(
    tmp_path: Path, workload: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunRequest]:
    """A request for a plan, on a machine without llama-server."""
    monkeypatch.setenv("PATH", str(tmp_path))
    model = tmp_path / "wide.gguf"
    write_gguf(model, WIDE)

    def make(gpu: str, **fields: object) -> RunRequest:
        base = RunRequest(
            workload=workload, gpu=gpu, engine="llama-server", model=model, dry_run=True,
            assume_gpu=True, studies_dir=tmp_path / "studies",
        )  # fmt: skip
        return replace(base, **fields)  # type: ignore[arg-type]

    return make


Make = Callable[..., RunRequest]


def row(dry: DryRun, name: str) -> tuple[object, ...]:
    return next(row.choices for row in dry.space if row.name == name)


def test_a_plan_for_a_card_that_is_not_here(planned: Make, tmp_path: Path) -> None:
    dry = describe(planned("3090"))
    assert dry.config["gpu"] == "NVIDIA GeForce RTX 3090"
    assert dry.config["engine"] == "llama-server (not installed)"
    assert dry.gpu["profile"] == "rtx-3090"
    assert dry.gpu["inherits"] == ["gpu-24g", "gpu"]
    assert dry.gpu["facts"]["memory_bandwidth_gb_s"] == 936
    assert dry.memory is not None
    assert (dry.memory.device_bytes, dry.memory.host_bytes) == (24 * GIB, None)
    assert dry.argv[0] == "llama-server"
    assert any("not installed here" in note for note in dry.notes)
    assert any("--assume-gpu" in note for note in dry.notes)
    assert any("depths are the capture's own" in note for note in dry.notes)
    assert not (tmp_path / "studies").exists()
    json.dumps(asdict(dry), default=str)


def test_memory_decides_what_fits(planned: Make) -> None:
    """64 GiB of cache for the model's own context do not fit 24; they fit 80 and 128 GiB."""
    small = describe(planned("3090"))
    (baseline, *others) = small.fits
    assert baseline.name == "baseline"
    assert baseline.fits
    assert small.largest_context is not None
    assert 10_000 < small.largest_context <= 12_288
    assert 32768 not in row(small, "ctx-size")
    apart = next(fit for fit in others if fit.name == "kv-unified=false")  # four slots of it
    assert apart.device_bytes is not None
    assert baseline.device_bytes is not None
    assert apart.device_bytes > 3 * baseline.device_bytes
    large = describe(planned("h100"))
    assert 32768 in row(large, "ctx-size")
    assert large.largest_context == 32768
    split = next(fit for fit in large.fits if fit.name == "kv-unified=false")
    assert not split.fits  # four slots of 64 GiB
    assert "GiB of GPU memory, 80.0 are there" in (split.why or "")


def test_where_memory_is_shared_the_sum_counts(planned: Make) -> None:
    dry = describe(planned("m4 max 64gb"))
    assert dry.memory is not None
    assert dry.memory.device_bytes is None
    assert dry.memory.both_bytes == int(64 * GIB * 0.9)
    assert dry.gpu["facts"]["memory_gib"] == 64
    assert 32768 not in row(dry, "ctx-size")
    assert 32768 in row(describe(planned("spark")), "ctx-size")
    assert {"op-offload", "kv-offload"} <= {one.name for one in dry.excluded}
    assert "CUDA_VISIBLE_DEVICES" not in dry.env


def test_what_is_left_out_says_why(planned: Make) -> None:
    dry = describe(planned("3090", pins={"parallel": 2}))
    found = {one.name: one for one in dry.excluded}
    assert found["repack"].why == "weights are repacked for a processor, and they are on the GPU"
    assert found["ubatch-size"].values == (64,)
    assert (found["cache-type-k"].why, found["cache-type-k"].held) == (HELD_QUALITY, "f16")
    assert (found["parallel"].held, found["parallel"].values) == (2, None)
    assert found["swa-full"].held is False
    refused = found["flash-attn=off with cache-type-v=q8_0|q5_1|q5_0|q4_1|q4_0|iq4_nl"]
    assert refused.why == "a quantized V cache requires flash attention"
    searched = {r.name for r in dry.space}
    assert not searched & {name for name, one in found.items() if one.values is None}


def test_allowed_quality_changes_are_searched(planned: Make) -> None:
    dry = describe(planned("3090", allow_quality_change=True))
    assert "cache-type-k" in {r.name for r in dry.space}
    assert "cache-type-k" not in {one.name for one in dry.excluded}
    assert "quantized KV cache" in {fit.name for fit in dry.fits}


def test_a_processor_can_be_planned_for_too(planned: Make) -> None:
    dry = describe(planned("cpu"))
    assert dry.gpu["profile"] == "cpu"
    assert "n-gpu-layers" in {one.name for one in dry.excluded}


def test_an_engine_that_is_named_by_its_path_has_to_be_there(planned: Make) -> None:
    with pytest.raises(Exception, match="nowhere"):
        describe(planned("3090", engine_path=Path("/nowhere/llama-server")))


def test_a_gpu_that_nobody_knows_is_refused(planned: Make) -> None:
    with pytest.raises(UserError, match="no profile of a GPU 'voodoo'"):
        describe(planned("voodoo"))


def test_several_engines_are_planned_for_one_card(
    planned: Make, fake_engine_manifest: Callable[..., Path]
) -> None:
    space = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
    manifest = fake_engine_manifest(search_space=str(space))
    base = planned("3090")
    words = EngineWords(engines=("llama-server", str(manifest)), models={"": base.model or Path()})
    request = make_request(base, words)
    assert isinstance(request, ContestRequest)
    dry = describe_contest(request)
    assert {one.gpu["profile"] for one in dry.engines.values()} == {"rtx-3090"}
