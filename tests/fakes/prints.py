"""A fingerprint to change one thing of."""

from __future__ import annotations

from autotune.nightly.fingerprint import Fingerprint

A_PRINT = Fingerprint(
    model="coder.Q4_1.gguf",
    model_sha256="a" * 64,
    model_sample="1-2-3",
    model_bytes=94_575_616,
    engine="llama-server",
    engine_version="b1",
    engine_sha256="b" * 64,
    engine_libraries=None,
    driver="580.1",
    gpu="GPU-1",
    gpu_name="RTX 3090",
    workload_digest="sha256:" + "c" * 64,
    workload_sessions=12,
    space_digest="d" * 64,
    asked={"objective": "turn", "headroom": "0.1"},
    autotune_version="0.1.0",
)
