"""What autotune knows of a model: one shape for GGUF files and for Hugging Face folders."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ModelKind(StrEnum):
    """How a model is stored, which decides the engines that can serve it."""

    GGUF = "gguf"
    HUGGINGFACE = "huggingface"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A language model on disk. Layers are counted from 0, without draft (nextn) layers.

    Attributes:
        kind: what it is stored as.
        path: the GGUF file (the first part of a split one), or the Hugging Face folder.
        parts: the files that make it what it is: of a GGUF model its parts, of a folder its
            configuration, its tokenizer and its weights.
        quantization: the mixture it was quantized to, e.g. ``Q4_K_M``, ``fp8``, ``awq 4-bit``, or
            the type of unquantized weights, e.g. ``BF16``; ``None`` if not said.
        dtype: what a Hugging Face model computes in, e.g. ``BF16``; ``None`` in GGUF.
        file_bytes: of all parts.
        weights_bytes: of all tensors. Of a folder without weights (for a load with random ones)
            what the configuration says, where it is plain; ``None`` when it is not known.
        n_tensors: how many tensors the weights are; ``None`` when it is not known.
        n_params: how many values the weights hold; ``None`` when it is not known.
        layer_bytes: tensor bytes of each layer, draft layers after the others; empty for a folder.
        expert_bytes: the part of it that is experts (what ``--cpu-moe`` moves); empty for a folder.
        input_bytes: of the token embedding, which llama.cpp keeps in host memory; ``None`` for a
            folder.
        tied_embedding: the output layer is the token embedding again.
        n_ctx_train: tokens of context it was trained on.
        n_heads, kv_heads: attention heads and KV heads of each layer.
        key_length, value_length: elements per KV head on layers that see everything.
        key_length_window, value_length_window: the same on sliding-window layers.
        is_mla: a latent cache: no V, K serves both.
        sliding_window: tokens that the `window_layers` see; ``None`` without such layers.
        attention_layers: layers with a KV cache of their own; `window_layers` are among them.
        recurrent_layers: layers with a recurrent state of `recurrent_elements` values per
            sequence (float32 in llama.cpp), and `recurrent_width` channels.
        n_expert: experts per layer; ``None`` for a dense model.
        n_expert_used: of them for each token.
        feed_forward: width of the widest feed-forward block, of all experts that one token uses
            together; ``None`` where it is not said.
        n_draft_layers: layers that only multi-token prediction uses.
    """

    kind: ModelKind = ModelKind.GGUF
    path: Path
    parts: tuple[Path, ...]
    name: str
    architecture: str
    quantization: str | None
    dtype: str | None = None
    file_bytes: int
    weights_bytes: int | None
    layer_bytes: tuple[int, ...]
    expert_bytes: tuple[int, ...]
    input_bytes: int | None
    tied_embedding: bool
    n_params: int | None
    n_tensors: int | None = None
    n_layers: int
    n_ctx_train: int
    n_embd: int
    n_vocab: int | None
    n_heads: tuple[int, ...]
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    key_length_window: int
    value_length_window: int
    is_mla: bool
    sliding_window: int | None
    attention_layers: tuple[int, ...]
    window_layers: tuple[int, ...]
    recurrent_layers: tuple[int, ...]
    recurrent_elements: int
    recurrent_width: int | None = None
    n_expert: int | None
    n_expert_used: int | None = None
    feed_forward: int | None = None
    n_draft_layers: int

    @property
    def can_roll_back(self) -> bool:
        """Whether a cached prefix can be cut anywhere: neither windows nor recurrent states."""
        return not self.window_layers and not self.recurrent_layers
