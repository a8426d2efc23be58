"""Kinds of card, as search-space overlays know them: by memory, which decides what fits."""

from __future__ import annotations

from autotune.hardware.gpu import Gpu

GIB = 2**30

CPU = "cpu"
GPU = "gpu"
SHARED = "shared-memory"

_CLASSES = (
    (72.0, "80g-datacenter"),
    (43.0, "48g-workstation"),
    (29.0, "32g-consumer"),
    (21.0, "24g-consumer"),
    (14.0, "16g-consumer"),
    (10.5, "12g-consumer"),
    (0.0, "8g-consumer"),
)
"""From so many GiB on. Cards report less than they are sold with: 24 GB cards 22.2 to 24.0 GiB."""


def overlay_name(gpu: Gpu | None) -> str:
    """The class of `gpu`: ``cpu`` for none, ``shared-memory`` where it has none of its own."""
    if gpu is None:
        return CPU
    if gpu.vram_bytes is None:
        return SHARED
    size = gpu.vram_bytes / GIB
    return next(name for least, name in _CLASSES if size >= least)


def overlay_names(gpu: Gpu | None) -> tuple[str, ...]:
    """Overlays to look for, the most particular first: ``("24g-consumer", "gpu")``."""
    return (CPU,) if gpu is None else (overlay_name(gpu), GPU)
