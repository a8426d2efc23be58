"""What changed, in words; and what is no change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prints import A_PRINT

from autotune.nightly.changes import Change, changes


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"model": "coder.Q8_0.gguf", "model_sha256": "f" * 64, "model_bytes": 145_000_000},
            "the model: coder.Q4_1.gguf (90.2 MiB, aaaaaaaaaaaa) is now coder.Q8_0.gguf "
            "(138 MiB, ffffffffffff)",
        ),
        (
            {"model_sha256": "f" * 64, "model_bytes": 18_700_000_000},
            "the model: coder.Q4_1.gguf (90.2 MiB, aaaaaaaaaaaa) is now coder.Q4_1.gguf "
            "(17.4 GiB, ffffffffffff)",
        ),
        (
            {"engine_sha256": "f" * 64},
            "the engine build: llama-server b1 (bbbbbbbbbbbb) is now llama-server b1 "
            "(ffffffffffff)",
        ),
        (
            {"engine": "vllm", "engine_version": "0.32", "engine_sha256": "f" * 64},
            "the engine: llama-server b1 (bbbbbbbbbbbb) is now vllm 0.32 (ffffffffffff)",
        ),
        ({"driver": "590.2"}, "the driver: 580.1 is now 590.2"),
        ({"gpu": "GPU-2"}, "the GPU: RTX 3090 (GPU-1) is now RTX 3090 (GPU-2)"),
        ({"gpu": "cpu", "gpu_name": "EPYC"}, "the GPU: RTX 3090 (GPU-1) is now EPYC"),
        (
            {"workload_digest": "sha256:" + "f" * 64, "workload_sessions": 1},
            "the workload: 12 sessions (cccccccccccc) is now 1 session (ffffffffffff)",
        ),
        ({"space_digest": "f" * 64}, "the search space: dddddddddddd is now ffffffffffff"),
        ({"autotune_version": "0.2.0"}, "the version of autotune: 0.1.0 is now 0.2.0"),
        (
            {"asked": {"objective": "ttft", "headroom": "0.1"}},
            "the target's objective: turn is now ttft",
        ),
        (
            {"asked": {"objective": "turn", "headroom": "0.1", "max_depth": "32000"}},
            "the target's max-depth: not said is now 32000",
        ),
    ],
)
def test_one_thing_changed(fields: dict[str, Any], sentence: str) -> None:
    (change,) = changes(A_PRINT, replace(A_PRINT, **fields))
    assert change.sentence == sentence


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": "renamed.gguf"},
        {"model_sample": "another look"},
        {"driver": None},
        {"engine_libraries": "f" * 64},
    ],
)
def test_what_is_no_change(fields: dict[str, Any]) -> None:
    assert changes(A_PRINT, replace(A_PRINT, **fields)) == ()
    assert changes(replace(A_PRINT, **fields), A_PRINT) == ()


def test_other_libraries_with_the_same_program_are_another_build() -> None:
    before = replace(A_PRINT, engine_libraries="1" * 64)
    (change,) = changes(before, replace(A_PRINT, engine_libraries="2" * 64))
    assert change == Change("libraries of the engine", "1" * 12, "2" * 12)


def test_several_are_told_in_the_order_of_their_weight() -> None:
    now = replace(A_PRINT, driver="590.2", model_sha256="f" * 64, workload_digest="sha256:0")
    assert [c.name for c in changes(A_PRINT, now)] == ["model", "driver", "workload"]
