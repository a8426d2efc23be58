"""What a space may depend on besides the GPU's class: the model, its drafts, the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autotune.candidate import Setting

if TYPE_CHECKING:
    from autotune.models.info import ModelInfo
    from autotune.search.setup import Setup
    from autotune.search.space_entries import SpaceFile

SYMBOLS = frozenset(
    {"physical-cores", "logical-cores", "half-cores"}
    | {"context-needed", "context-roomy", "context-default"}
    | {"layers", "most-layers", "half-layers", "quarter-layers"}
)
"""Every name that a search space may have with a ``@`` in front."""

DRAFT_LAYERS, DRAFT_MODEL = "draft-layers", "draft-model"
EXPERTS, TOO_LARGE = "experts", "too-large"

WHY: Mapping[str, str] = {
    "rolling-state": "matters only to models with sliding-window or recurrent layers",
    EXPERTS: "matters only to models of experts",
    DRAFT_LAYERS: "needs a model with layers for multi-token prediction",
    DRAFT_MODEL: "needs a draft model, pinned with --fix",
    TOO_LARGE: "matters only where the weights are more than the GPU holds",
}
"""Why something is left out where a circumstance does not hold."""


def model_symbols(model: ModelInfo) -> dict[str, Setting]:
    """What a space may call numbers of the model's layers, draft layers not counted."""
    layers = model.n_layers
    return {
        "layers": layers,
        "most-layers": max(1, layers * 3 // 4),
        "half-layers": max(1, layers // 2),
        "quarter-layers": max(1, layers // 4),
    }


def circumstances(
    model: ModelInfo,
    file: SpaceFile,
    pinned: Mapping[str, Setting],
    device_bytes: int | None,
) -> frozenset[str]:
    """Which circumstances hold, ``rolling-state`` apart.

    `device_bytes` is the GPU's memory, ``None`` without a GPU or where it is not known.
    """
    weights = model.weights_bytes
    held = {
        EXPERTS: bool(model.n_expert),
        DRAFT_LAYERS: model.n_draft_layers > 0,
        DRAFT_MODEL: file.draft_model is not None and file.draft_model in pinned,
        TOO_LARGE: None not in (device_bytes, weights) and (weights or 0) > (device_bytes or 0),
    }
    return frozenset(name for name, holds in held.items() if holds)


def circumstances_of(
    setup: Setup, file: SpaceFile, pinned: Mapping[str, Setting]
) -> frozenset[str]:
    """`circumstances` of a run that has been set up."""
    device = None if setup.gpu is None else setup.gpu.vram_bytes
    return circumstances(setup.model, file, pinned, device)
