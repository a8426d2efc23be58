"""Which weights and caches llama.cpp puts on the GPU (``llama-model.cpp``, i_gpu_start)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.models.cache_settings import whole
from autotune.models.metadata import ModelInfo

_OVERRIDES = ("override-tensor", "n-cpu-ffn", "device", "tensor-split", "split-mode")
"""With these the weights on one GPU cannot be told from the settings."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where things go.

    Attributes:
        first_layer: layers from this one on are on the GPU; ``None`` without one.
        weights_bytes: of all tensors that are loaded.
        device_weights_bytes: of those on the GPU, at least.
        copied_bytes: of a tied output layer: on the GPU, while the embedding stays in host memory.
        offload_cache: the KV cache is where its layer is.
        unknown: the setting that decides the rest; empty when all is known.
    """

    first_layer: int | None
    weights_bytes: int
    device_weights_bytes: int
    copied_bytes: int
    offload_cache: bool
    unknown: str = ""

    @property
    def any_on_device(self) -> bool:
        """Whether anything runs on the GPU."""
        return self.first_layer is not None

    def cache_on_device(self, layer: int) -> bool:
        """Whether the cache of `layer` is on the GPU."""
        return self.offload_cache and self.first_layer is not None and layer >= self.first_layer


def placement(model: ModelInfo, settings: Mapping[str, Setting], *, gpu: bool) -> Placement:
    """Where `model` goes under `settings`. `UserError` for a layer count that is none."""
    n_layers = len(model.layer_bytes)
    on_gpu = min(_gpu_layers(settings, n_layers), n_layers + 1) if gpu else 0
    loaded = _loaded_bytes(model, settings)
    if on_gpu <= 0:
        return Placement(None, loaded, 0, 0, offload_cache=False)
    first = max(n_layers + 1 - on_gpu, 0)
    unknown = next((name for name in _OVERRIDES if name in settings), "")
    copied = stored(model)[1] if model.tied_embedding and not unknown else 0
    device = 0 if unknown else _device_weights(model, settings, first) + copied
    return Placement(
        first_layer=None if unknown in {"device", "tensor-split", "split-mode"} else first,
        weights_bytes=loaded,
        device_weights_bytes=device,
        copied_bytes=copied,
        offload_cache=bool(settings.get("kv-offload", True)),
        unknown=unknown,
    )


def stored(model: ModelInfo) -> tuple[int, int]:
    """Bytes of all tensors and of the token embedding; `UserError` for what is not GGUF."""
    if model.weights_bytes is None or model.input_bytes is None:
        raise UserError(f"{model.path} is not a GGUF file", "llama.cpp serves GGUF files only")
    return model.weights_bytes, model.input_bytes


def _gpu_layers(settings: Mapping[str, Setting], n_layers: int) -> int:
    asked = settings.get("n-gpu-layers", settings.get("gpu-layers", "auto"))
    if asked in {"auto", "all"}:
        return n_layers + 1
    try:
        count = int(asked)
    except ValueError:
        raise UserError(
            f"n-gpu-layers = {asked!r} is neither a number nor auto nor all",
            "give n-gpu-layers a number of layers, auto or all",
        ) from None
    return count if count >= 0 else n_layers + 1


def _loaded_bytes(model: ModelInfo, settings: Mapping[str, Setting]) -> int:
    """All tensors, less the draft layers where nothing uses them."""
    return stored(model)[0] - (0 if _uses_drafts(settings) else _draft_bytes(model))


def _draft_bytes(model: ModelInfo) -> int:
    return sum(model.layer_bytes[model.n_layers :])


def _uses_drafts(settings: Mapping[str, Setting]) -> bool:
    return "draft-mtp" in str(settings.get("spec-type", "")).split(",")


def _device_weights(model: ModelInfo, settings: Mapping[str, Setting], first: int) -> int:
    """Layers from `first` on, less their experts kept on the CPU, and the output layer."""
    end = len(model.layer_bytes) if _uses_drafts(settings) else model.n_layers
    kept = _cpu_expert_layers(settings, len(model.layer_bytes))
    layers = sum(
        model.layer_bytes[i] - (model.expert_bytes[i] if i < kept else 0) for i in range(first, end)
    )
    weights, embedding = stored(model)
    rest = weights - sum(model.layer_bytes) - embedding
    return layers + rest


def _cpu_expert_layers(settings: Mapping[str, Setting], n_layers: int) -> int:
    """Experts of the first so many layers stay in host memory."""
    if settings.get("cpu-moe"):
        return n_layers
    return whole(settings, "n-cpu-moe", 0)
