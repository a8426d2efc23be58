"""Which kind of GPU a configuration is for, as far as the study wrote it down."""

from __future__ import annotations

import re
from enum import StrEnum

from autotune.export.model import ExportConfig

CPU = "cpu"

_NVIDIA = re.compile(r"(GPU|MIG)-[0-9a-fA-F]{8}-[0-9a-fA-F-]+")
_AMD = re.compile(r"GPU-[0-9a-fA-F]{16}")


class GpuKind(StrEnum):
    """Whose runtime a container must bring; ``none`` is a processor, or not known."""

    NVIDIA = "nvidia"
    AMD = "amd"
    NONE = "none"


PINS = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
)
"""Variables that choose a GPU; a container is given its own instead."""


def gpu_kind(config: ExportConfig) -> GpuKind:
    """By the variables that pin the engine to its GPU, else by how the GPU is called."""
    if "ROCR_VISIBLE_DEVICES" in config.env:
        return GpuKind.AMD
    if gpu_uuid(config) is not None:
        return GpuKind.AMD if _AMD.fullmatch(gpu_uuid(config) or "") else GpuKind.NVIDIA
    return GpuKind.NONE


def gpu_uuid(config: ExportConfig) -> str | None:
    """What the vendor's runtime calls the GPU; ``None`` for a processor and where nobody knows."""
    pins = [config.env.get("ROCR_VISIBLE_DEVICES"), config.env.get("CUDA_VISIBLE_DEVICES")]
    named = (text for text in [*pins, config.provenance.gpu_uuid] if text)
    return next((t for t in named if _NVIDIA.fullmatch(t) or _AMD.fullmatch(t)), None)
