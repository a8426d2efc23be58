"""What a model file says about itself, as far as serving it needs to know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import UserError
from autotune.models.ggml_types import FILE_TYPES, TENSOR_TYPES
from autotune.models.gguf import GgufHeader, GgufTensor, SkippedArray, read_gguf
from autotune.models.keys import Keys
from autotune.models.layers import LayerPlan, plan_layers
from autotune.models.recurrent import state_elements
from autotune.models.split import read_parts

MAX_LAYERS = 4096
"""More than any model has; a larger number is damage."""

_BLOCK = re.compile(r"blk\.(\d+)\.")
_EXPERTS = re.compile(r"\.ffn_(up|down|gate|gate_up)_(ch|)exps")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A language model in a GGUF file. Layers are counted from 0, without draft (nextn) layers.

    Attributes:
        parts: the files it is in; more than one for a split model.
        quantization: the mixture it was quantized to, e.g. ``Q4_K_M``; ``None`` if not said.
        file_bytes: of all parts.
        weights_bytes: of all tensors.
        layer_bytes: tensor bytes of each layer, draft layers after the others.
        expert_bytes: the part of it that is experts (what ``--cpu-moe`` moves).
        input_bytes: of the token embedding, which llama.cpp keeps in host memory.
        tied_embedding: the output layer is the token embedding again.
        n_ctx_train: tokens of context it was trained on.
        n_heads, kv_heads: attention heads and KV heads of each layer.
        key_length, value_length: elements per KV head on layers that see everything.
        key_length_window, value_length_window: the same on sliding-window layers.
        is_mla: a latent cache: no V, K serves both.
        sliding_window: tokens that the `window_layers` see; ``None`` without such layers.
        attention_layers: layers with a KV cache of their own; `window_layers` are among them.
        recurrent_layers: layers with a recurrent state of `recurrent_elements` float32 per
            sequence.
        n_expert: experts per layer; ``None`` for a dense model.
        n_draft_layers: layers that only multi-token prediction uses.
    """

    path: Path
    parts: tuple[Path, ...]
    name: str
    architecture: str
    quantization: str | None
    file_bytes: int
    weights_bytes: int
    layer_bytes: tuple[int, ...]
    expert_bytes: tuple[int, ...]
    input_bytes: int
    tied_embedding: bool
    n_params: int
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
    n_expert: int | None
    n_draft_layers: int

    @property
    def can_roll_back(self) -> bool:
        """Whether a cached prefix can be cut anywhere: neither windows nor recurrent states."""
        return not self.window_layers and not self.recurrent_layers


def read_model(path: Path) -> ModelInfo:
    """Read the model at `path` (the first part of a split one).

    Raises `UserError` when it is missing, damaged, or not a language model.
    """
    header = read_gguf(path)
    return model_info(header, read_parts(header))


def model_info(header: GgufHeader, parts: tuple[GgufHeader, ...]) -> ModelInfo:
    """The model that `header` describes, its tensors being in all of `parts`."""
    keys = Keys.of(header)
    n_layers, n_draft = _layer_counts(keys)
    n_heads = keys.per_layer("attention.head_count", n_layers, 0)
    kv_heads = _kv_heads(keys, n_layers, n_heads)
    tensors = tuple(t for part in parts for t in part.tensors)
    plan = plan_layers(keys, n_layers, kv_heads)
    key_length, value_length = _head_lengths(keys, n_heads)
    return ModelInfo(
        path=header.path,
        parts=tuple(part.path for part in parts),
        name=_name(header),
        architecture=keys.architecture,
        quantization=_quantization(header, tensors),
        file_bytes=sum(part.file_bytes for part in parts),
        weights_bytes=sum(t.size_bytes for t in tensors),
        layer_bytes=_layer_bytes(tensors, n_layers + n_draft),
        expert_bytes=_layer_bytes(
            (t for t in tensors if _EXPERTS.search(t.name)), n_layers + n_draft
        ),
        input_bytes=sum(t.size_bytes for t in tensors if t.name.startswith("token_embd.")),
        tied_embedding=not any(t.name == "output.weight" for t in tensors),
        n_params=sum(t.n_elements for t in tensors),
        n_layers=n_layers,
        n_ctx_train=keys.required("context_length"),
        n_embd=keys.required("embedding_length"),
        n_vocab=_vocabulary(keys),
        n_heads=n_heads,
        kv_heads=kv_heads,
        key_length=key_length,
        value_length=value_length,
        key_length_window=keys.integer("attention.key_length_swa") or key_length,
        value_length_window=keys.integer("attention.value_length_swa") or value_length,
        is_mla=bool(keys.integer("attention.key_length_mla")),
        sliding_window=plan.sliding_window,
        attention_layers=plan.attention,
        window_layers=plan.window,
        recurrent_layers=plan.recurrent,
        recurrent_elements=_recurrent_elements(keys, plan, n_heads),
        n_expert=keys.integer("expert_count") or None,
        n_draft_layers=n_draft,
    )


def _layer_counts(keys: Keys) -> tuple[int, int]:
    """Trunk layers and draft layers."""
    total = keys.required("block_count")
    draft = keys.integer("nextn_predict_layers") or 0
    if not 0 < total <= MAX_LAYERS or not 0 <= draft < total:
        raise UserError(
            f"{keys.header.path} says it has {total} layers, {draft} of them for drafts",
            "download or convert the model again",
        )
    return total - draft, draft


def _kv_heads(keys: Keys, n_layers: int, n_heads: tuple[int, ...]) -> tuple[int, ...]:
    """KV heads of each layer; as many as attention heads where the file does not say."""
    if keys.value("attention.head_count_kv") is None:
        return n_heads
    return keys.per_layer("attention.head_count_kv", n_layers, 0)


def _head_lengths(keys: Keys, n_heads: tuple[int, ...]) -> tuple[int, int]:
    """Elements per K head and per V head; embedding over heads where the file does not say.

    llama.cpp takes the first layer's heads for the default.
    """
    default = keys.required("embedding_length") // n_heads[0] if n_heads[0] else 0
    key = keys.integer("attention.key_length")
    value = keys.integer("attention.value_length")
    return default if key is None else key, default if value is None else value


def _recurrent_elements(keys: Keys, plan: LayerPlan, n_heads: tuple[int, ...]) -> int:
    return state_elements(keys, n_heads[0]) if plan.recurrent else 0


def _layer_bytes(tensors: Iterable[GgufTensor], n_layers: int) -> tuple[int, ...]:
    sizes = [0] * n_layers
    for tensor in tensors:
        if (block := _BLOCK.match(tensor.name)) and int(block[1]) < n_layers:
            sizes[int(block[1])] += tensor.size_bytes
    return tuple(sizes)


def _name(header: GgufHeader) -> str:
    name = header.metadata.get("general.name")
    return name if isinstance(name, str) and name.strip() else header.path.stem


def _quantization(header: GgufHeader, tensors: tuple[GgufTensor, ...]) -> str | None:
    """The file's own word, else the type that holds most of the weights."""
    file_type = header.metadata.get("general.file_type")
    if isinstance(file_type, int) and file_type in FILE_TYPES:
        return FILE_TYPES[file_type]
    by_type: dict[int, int] = {}
    for tensor in tensors:
        by_type[tensor.type_id] = by_type.get(tensor.type_id, 0) + tensor.size_bytes
    if not by_type:
        return None
    kind = TENSOR_TYPES.get(max(by_type, key=by_type.__getitem__))
    return kind.name if kind else None


def _vocabulary(keys: Keys) -> int | None:
    tokens = keys.header.metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, SkippedArray):
        return tokens.count
    return len(tokens) if isinstance(tokens, tuple) else keys.integer("vocab_size")
