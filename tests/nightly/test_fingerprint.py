"""What tonight is: read of the machine, with nothing started but the engine's ``--version``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf_file import LLAMA, write_gguf
from prints import A_PRINT

from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import Gpu, GpuState
from autotune.nightly.changes import changes
from autotune.nightly.fingerprint import Caches, Fingerprint, asked_of, fingerprint_of, look_at
from autotune.nightly.targets import Target
from autotune.search.request import RunRequest
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


class Cards:
    """A probe of these cards."""

    problem: str | None = None

    def __init__(self, *cards: Gpu) -> None:
        self.cards = cards

    def gpus(self) -> tuple[Gpu, ...]:
        return self.cards

    def state(self, uuid: str) -> GpuState:
        raise AssertionError(uuid)


CARD = Gpu(uuid="GPU-1", name="NVIDIA GeForce RTX 3090", index=0, driver="580.1")
NO_CARD = Cards()


@pytest.fixture
def target(tmp_path: Path, fake_engine_manifest: Callable[..., Path], fake_model: Path) -> Target:
    """The fake engine with a model of metadata alone and a folder of two sessions."""
    models = tmp_path / "models"
    models.mkdir()
    fake_model.rename(models / "m.gguf")
    os.utime(models / "m.gguf", (1_700_000_000, 1_700_000_000))
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), tmp_path / "captures" / "a.jsonl")
    request = RunRequest(
        workload=tmp_path / "captures",
        model=models,
        engine=str(fake_engine_manifest(search_space=str(SPACE))),
        gpu="auto",
        studies_dir=tmp_path / "studies",
        pins={"parallel": 1},
    )
    return Target(name="coder", request=request)


Look = Callable[..., Fingerprint]


@pytest.fixture
def look(target: Target, tmp_path: Path) -> Look:
    def go(**request: Any) -> Fingerprint:
        cards = request.pop("cards", NO_CARD)
        changed = replace(target, request=replace(target.request, **request))
        return fingerprint_of(changed, cards, Caches(tmp_path / "cache"))

    return go


def test_two_looks_are_equal_and_the_second_remembers(look: Look, tmp_path: Path) -> None:
    first, second = look(), look()
    assert first == second
    assert changes(first, second) == ()
    assert first.model == "m.gguf"
    assert first.model_bytes == (tmp_path / "models" / "m.gguf").stat().st_size
    assert (first.gpu, first.driver) == ("cpu", None)
    assert (first.engine, first.workload_sessions) == ("fake", 2)
    assert first.asked["pins"] == '{"parallel": 1}'
    assert (tmp_path / "cache" / "file-hashes.json").is_file()
    assert (tmp_path / "studies" / "nightly" / "coder" / "sessions.json").is_file()


def test_a_newer_model_in_the_folder_is_another_model(look: Look, tmp_path: Path) -> None:
    before = look()
    write_gguf(tmp_path / "models" / "n.gguf", {**LLAMA, "general.name": "other"})
    (change,) = changes(before, look())
    assert change.name == "model"
    assert change.now is not None
    assert change.now.startswith("n.gguf (")


def test_a_model_replaced_in_place_is_another_model(look: Look, tmp_path: Path) -> None:
    before = look()
    path = tmp_path / "models" / "m.gguf"
    write_gguf(path, {**LLAMA, "general.name": "fakf"})
    os.utime(path, (1_700_000_000, 1_700_000_000))
    after = look()
    assert before.model_bytes == after.model_bytes
    assert before.model_sample != after.model_sample
    assert [change.name for change in changes(before, after)] == ["model"]


def test_a_session_more_is_another_workload(look: Look, tmp_path: Path) -> None:
    before = look()
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16, seed=9)
    write_capture(synthesize(spec), tmp_path / "captures" / "b.jsonl")
    assert [change.name for change in changes(before, look())] == ["workload"]


def test_what_waits_leaves_the_fingerprint_as_it_was(target: Target, tmp_path: Path) -> None:
    caches = Caches(tmp_path / "cache")
    waits = replace(target, sessions=replace(target.sessions, share=0.9))
    seen = look_at(waits, NO_CARD, caches)
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16, seed=9)
    write_capture(synthesize(spec), tmp_path / "captures" / "b.jsonl")
    later = look_at(waits, NO_CARD, caches, kept=seen.workload.sessions)
    assert later.workload.waiting == 1
    assert later.fingerprint == seen.fingerprint
    assert later.model.name == "m.gguf"
    assert later.build.engine == "fake"


def test_captures_that_are_gone_are_no_smaller_workload(look: Look, tmp_path: Path) -> None:
    look()
    (tmp_path / "captures" / "a.jsonl").rename(tmp_path / "a.jsonl")
    with pytest.raises(UserError):  # a disk that is not mounted, say
        look()


def test_another_card_and_another_driver(look: Look) -> None:
    first = look(cards=Cards(CARD))
    assert (first.gpu, first.gpu_name, first.driver) == ("GPU-1", CARD.name, "580.1")
    other = replace(CARD, uuid="GPU-2", driver="590.2")
    assert [c.name for c in changes(first, look(cards=Cards(other)))] == ["driver", "GPU"]


def test_another_space_is_another_space(
    look: Look, fake_engine_manifest: Callable[..., Path], tmp_path: Path
) -> None:
    before = look()
    space = tmp_path / "space.toml"
    space.write_text(SPACE.read_text().replace("[128, 512, 2048]", "[128, 512, 4096]"))
    after = look(engine=str(fake_engine_manifest(search_space=str(space))))
    assert before.space_digest != after.space_digest


def test_what_is_asked_for_counts_and_how_long_does_not(target: Target) -> None:
    request = target.request
    assert asked_of(replace(request, budget_s=5.0, seed=3, trials=9)) == asked_of(request)
    other = asked_of(replace(request, objective="ttft", max_depth=32000, headroom=0.0))
    assert (other["objective"], other["max_depth"], other["headroom"]) == ("ttft", "32000", "0.0")
    assert "max_depth" not in asked_of(request)


def test_it_goes_to_disk_and_back() -> None:
    data = json.loads(json.dumps(A_PRINT.to_json()))
    assert Fingerprint.from_json(data, "f.json") == A_PRINT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "f.json is no fingerprint that this version knows"),
        ({"schema_version": "fingerprint/1", "model": "m"}, "f.json is damaged"),
    ],
)
def test_what_is_no_fingerprint_is_said(data: dict[str, Any], message: str) -> None:
    with pytest.raises(MachineError, match=message):
        Fingerprint.from_json(data, "f.json")
