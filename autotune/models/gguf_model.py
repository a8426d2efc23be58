"""What a GGUF file says about its model, as far as serving it needs to know."""

from __future__ import annotations

import re
from collections.abc import Iterable

from autotune.errors import UserError
from autotune.models.ggml_types import FILE_TYPES, TENSOR_TYPES
from autotune.models.gguf import GgufHeader, GgufTensor, SkippedArray
from autotune.models.info import ModelInfo
from autotune.models.keys import Keys
from autotune.models.layers import LayerPlan, plan_layers
from autotune.models.recurrent import state_elements

MAX_LAYERS = 4096
"""More than any model has; a larger number is damage."""

_BLOCK = re.compile(r"blk\.(\d+)\.")
_EXPERTS = re.compile(r"\.ffn_(up|down|gate|gate_up)_(ch|)exps")


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
        n_tensors=len(tensors),
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
        recurrent_width=keys.integer("ssm.inner_size"),
        n_expert=keys.integer("expert_count") or None,
        n_expert_used=keys.integer("expert_used_count") or None,
        feed_forward=_feed_forward(keys, n_layers),
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


def _feed_forward(keys: Keys, n_layers: int) -> int | None:
    """The widest feed-forward block: a dense one, or all experts of a token with shared ones."""
    dense = max(keys.per_layer("feed_forward_length", n_layers, 0), default=0)
    expert = max(keys.per_layer("expert_feed_forward_length", n_layers, 0), default=0)
    used = keys.integer("expert_used_count") or 0
    shared = keys.integer("expert_shared_feed_forward_length") or 0
    return max(dense, (expert or dense) * used + shared) or None


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
