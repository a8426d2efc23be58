"""Whose GPU a config is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.export.gpu_kind import GpuKind, gpu_kind, gpu_uuid
from autotune.export.model import ExportConfig

NVIDIA = "GPU-12345678-9abc-def0-1234-56789abcdef0"
AMD = "GPU-0123456789abcdef"


@pytest.mark.parametrize(
    ("env", "known", "kind", "uuid"),
    [
        ({"CUDA_VISIBLE_DEVICES": NVIDIA}, NVIDIA, GpuKind.NVIDIA, NVIDIA),
        ({}, NVIDIA, GpuKind.NVIDIA, NVIDIA),
        ({}, f"MIG-{NVIDIA[4:]}", GpuKind.NVIDIA, f"MIG-{NVIDIA[4:]}"),
        ({"ROCR_VISIBLE_DEVICES": AMD, "CUDA_VISIBLE_DEVICES": "0"}, AMD, GpuKind.AMD, AMD),
        ({}, AMD, GpuKind.AMD, AMD),
        ({}, "cpu", GpuKind.NONE, None),
        ({}, None, GpuKind.NONE, None),
    ],
)
def test_by_pins_then_by_the_uuid(
    llama: ExportConfig, env: dict[str, str], known: str | None, kind: GpuKind, uuid: str | None
) -> None:
    facts = replace(llama.provenance, gpu_uuid=known)
    config = replace(llama, env=env, provenance=facts)
    assert (gpu_kind(config), gpu_uuid(config)) == (kind, uuid)
