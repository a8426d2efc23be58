"""Settings: what can be set, where it can be written, and which place wins."""

from __future__ import annotations

from autotune.config.layers import Layer, Layers, Locations, Origin, read_layers
from autotune.config.settings import (
    SECTIONS,
    DisplaySettings,
    EngineSettings,
    SearchSettings,
    Section,
    Settings,
    StudiesSettings,
    WorkloadSettings,
)

__all__ = [
    "SECTIONS",
    "DisplaySettings",
    "EngineSettings",
    "Layer",
    "Layers",
    "Locations",
    "Origin",
    "SearchSettings",
    "Section",
    "Settings",
    "StudiesSettings",
    "WorkloadSettings",
    "read_layers",
]
