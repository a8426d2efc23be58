"""A fleet of one target whose look at the machine is made up, on a machine with three GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.fleet import fleet_plan
from autotune.hardware.gpu import Gpu, GpuState
from autotune.launchers.protocol import EngineBuild
from autotune.nightly.fingerprint import Fingerprint, Seen
from autotune.nightly.grown_workload import Grown
from autotune.nightly.session_index import SessionFact
from autotune.nightly.targets import Target
from autotune.search.request import RunRequest
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

FIRST = Gpu(uuid="GPU-1a", name="NVIDIA GeForce RTX 3090", index=0, vram_bytes=24 << 30)
SECOND = replace(FIRST, uuid="GPU-2b", index=1)
OTHER = replace(FIRST, uuid="GPU-3c", index=2, name="NVIDIA GeForce RTX 4090")


class Machine:
    """A probe of three GPUs."""

    problem = None

    def gpus(self) -> tuple[Gpu, ...]:
        return (FIRST, SECOND, OTHER)

    def state(self, uuid: str) -> GpuState:
        return GpuState()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def make_target(tmp_path: Path) -> Callable[..., Target]:
    """``make_target("coder", gpu="3090")``: its studies are in this test's folder."""
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), tmp_path / "wl.jsonl")

    def make(name: str, gpu: str = "3090", **fields: Any) -> Target:
        request = RunRequest(
            workload=tmp_path / "wl.jsonl",
            model=tmp_path / "m.gguf",
            gpu=gpu,
            studies_dir=tmp_path / "studies",
            **fields,
        )
        return Target(name=name, request=request)

    return make


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What a look at any target finds; what a test changes in it is found from then on."""
    found: dict[str, Any] = {
        "model_sha256": "aa", "driver": "580", "workload_digest": "sha256:1", "sessions": (),
    }  # fmt: skip

    def looked(target: Target, *_: Any, kept: tuple[SessionFact, ...] | None = None) -> Seen:
        if "raises" in found:
            raise found["raises"]
        gpu = target.request.gpu
        card = next((one for one in Machine().gpus() if one.uuid == gpu), None)
        return Seen(
            fingerprint=Fingerprint(
                model="m.gguf",
                model_sha256=found["model_sha256"],
                model_sample="s",
                model_bytes=1,
                engine="fake",
                engine_version="1",
                engine_sha256="e",
                driver=found["driver"],
                gpu=gpu,
                gpu_name="processor" if card is None else card.name,
                workload_digest=found["workload_digest"],
                workload_sessions=1,
                space_digest="d",
                autotune_version="1",
            ),
            launcher=None,  # type: ignore[arg-type]
            build=EngineBuild("fake", path="", version="1", binary_sha256="e"),
            gpu=card,
            model=tmp_path / "m.gguf",
            workload=Grown(sessions=found["sessions"]),
        )

    monkeypatch.setattr(fleet_plan, "look_at", looked)
    return found
