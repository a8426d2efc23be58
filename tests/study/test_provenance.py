"""A study goes on only on what it was begun on."""

from __future__ import annotations

from dataclasses import replace

from autotune.study.provenance import Provenance, differences

BASE = Provenance(
    engine="llama-server",
    engine_path="/bin/llama-server",
    engine_version="b1",
    engine_sha256="aa",
    model_path="/m.gguf",
    model_sha256="bb",
    gpu="GPU-1",
    gpu_name="RTX 3090",
    driver="580",
    workload="captures",
    workload_digest="sha256:cc",
    plan_digest="dd",
    space_digest="ee",
    objective="turn",
    depth="0-10k",
    history="closed-loop",
    seed=0,
    autotune_version="0.1.0",
    host_cpu="cpu",
    created_at="2026-01-01T00:00:00+00:00",
    versions={"optuna": "5.0.0"},
)


def test_the_same_machine_goes_on() -> None:
    later = replace(BASE, created_at="2027-01-01T00:00:00+00:00", model_path="/moved.gguf")
    assert differences(BASE.to_json(), later) == []


def test_every_change_is_named_in_words() -> None:
    now = replace(BASE, model_sha256="zz", gpu="GPU-2", driver="590")
    assert differences(BASE.to_json(), now) == [
        "model (was bb, is zz)",
        "GPU (was GPU-1, is GPU-2)",
        "driver (was 580, is 590)",
    ]


def test_a_value_that_was_never_stored_counts_as_changed() -> None:
    stored = BASE.to_json()
    del stored["driver"]
    assert differences(stored, BASE) == ["driver (was unknown, is 580)"]
