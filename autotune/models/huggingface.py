"""A Hugging Face model folder: what serving it needs to know, from its files alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.models.hf_config import CONFIG_FILE, HfConfig, read_config
from autotune.models.hf_layers import plan_hf_layers
from autotune.models.hf_size import count_parameters, is_tied
from autotune.models.hf_state import hf_state_elements
from autotune.models.hf_weights import HfWeights, read_weights
from autotune.models.info import ModelInfo, ModelKind

__all__ = ["CONFIG_FILE", "read_folder"]

MAX_LAYERS = 4096

_TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64"}
_TYPE_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8}
_LENGTHS = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length",
    "max_sequence_length", "max_seq_length", "seq_len",
)  # fmt: skip
_UNSCALED = frozenset(
    {"su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling", "default"}
    | {"mrope", "proportional"}
)
"""Position scalings that the length in the file already contains (vLLM 0.32, config/model.py)."""

_BESIDE_WEIGHTS = ("*.json", "*.jinja", "*.model", "*.tiktoken", "merges.txt", "vocab.txt", "*.py")
"""What changes a model besides its weights: settings, tokenizer, template, code of its own."""


def read_folder(folder: Path) -> ModelInfo:
    """The model in `folder`.

    Weights are read by their headers alone, and may be absent. Raises `UserError` for a
    configuration that is damaged or not a language model's, and for damaged weights.
    """
    config, weights = read_config(folder), read_weights(folder)
    n_layers = _layer_count(config)
    n_heads = _heads(config, n_layers)
    kv_heads = _kv_heads(config, n_layers, n_heads)
    plan = plan_hf_layers(config, n_layers, kv_heads)
    full, window = _head_lengths(config, max(n_heads))
    n_params = _parameters(config, weights, n_heads, kv_heads, full[0])
    dtype = _dtype(config, weights)
    parts = (*_beside_weights(folder), *weights.files)
    return ModelInfo(
        kind=ModelKind.HUGGINGFACE,
        path=folder,
        parts=parts,
        name=_name(folder),
        architecture=config.model_type or _first_architecture(config),
        quantization=_quantization(config) or dtype,
        dtype=dtype,
        file_bytes=sum(path.stat().st_size for path in parts),
        weights_bytes=_weights_bytes(config, weights, n_params, dtype),
        layer_bytes=(),
        expert_bytes=(),
        input_bytes=None,
        tied_embedding=_tied(config, weights),
        n_params=n_params,
        n_tensors=len(weights.tensors) or None,
        n_layers=n_layers,
        n_ctx_train=_context(config),
        n_embd=config.required("hidden_size", "n_embd", "d_model"),
        n_vocab=config.integer("vocab_size"),
        n_heads=n_heads,
        kv_heads=(1,) * n_layers if _is_mla(config) else kv_heads,
        key_length=full[0],
        value_length=full[1],
        key_length_window=window[0],
        value_length_window=window[1],
        is_mla=_is_mla(config),
        sliding_window=plan.sliding_window,
        attention_layers=plan.attention,
        window_layers=plan.window,
        recurrent_layers=plan.recurrent,
        recurrent_elements=hf_state_elements(config) if plan.recurrent else 0,
        n_expert=config.integer("num_experts", "num_local_experts", "n_routed_experts"),
        n_expert_used=config.integer("num_experts_per_tok", "num_experts_per_token", "moe_topk"),
        n_draft_layers=config.integer("num_nextn_predict_layers", "mtp_num_hidden_layers") or 0,
    )


def _layer_count(config: HfConfig) -> int:
    count = config.required("num_hidden_layers", "n_layer", "n_layers", "num_layers")
    if count > MAX_LAYERS:
        raise UserError(f"{config.path} says it has {count} layers", "download the model again")
    return count


def _heads(config: HfConfig, n_layers: int) -> tuple[int, ...]:
    """Attention heads of each layer; 0 for a model without attention."""
    said = config.value("num_attention_heads", "n_head", "n_heads")
    return config.per_layer(said or 0, n_layers)


def _kv_heads(config: HfConfig, n_layers: int, n_heads: tuple[int, ...]) -> tuple[int, ...]:
    """KV heads of each layer; as many as attention heads where nothing says."""
    if blocks := config.items("block_configs"):
        return tuple(
            _block_kv_heads(b, heads) for b, heads in zip(blocks, n_heads, strict=False)
        ) + (0,) * (n_layers - len(blocks))
    old_falcon = config.model_type == "falcon" and not config.value("new_decoder_architecture")
    if old_falcon and config.value("multi_query"):
        return (1,) * n_layers
    inner = config.table("attn_config").get("kv_n_heads")  # DBRX
    said = inner or config.value(
        "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"
    )
    return n_heads if said is None else config.per_layer(said, n_layers)


def _block_kv_heads(block: Any, heads: int) -> int:
    """Of a layer whose attention was shrunk or taken out (Nemotron from neural search)."""
    attention = block.get("attention") if isinstance(block, Mapping) else None
    if not isinstance(attention, Mapping):
        return 0
    if said := attention.get("num_key_value_heads"):
        return int(said)
    group = attention.get("n_heads_in_group")
    return heads // int(group) if group else 0


def _is_mla(config: HfConfig) -> bool:
    return config.integer("kv_lora_rank") is not None


def _head_lengths(config: HfConfig, n_heads: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Elements per K head and V head, on layers that see everything and on those with a window."""
    if latent := config.integer("kv_lora_rank"):
        key = latent + (config.integer("qk_rope_head_dim") or 0)
        return (key, latent), (key, latent)
    hidden = config.integer("hidden_size", "n_embd", "d_model") or 0
    plain = config.integer("head_dim", "hidden_size_per_head", "attention_head_dim")
    key = plain or (hidden // n_heads if n_heads else 0)
    value = config.integer("v_head_dim") or key
    windowed = config.integer("swa_head_dim") or key
    window = (windowed, config.integer("swa_v_head_dim") or min(value, windowed))
    whole = config.integer("global_head_dim")  # Gemma 4: head_dim is the window's
    return ((whole, whole) if whole else (key, value)), window


def _context(config: HfConfig) -> int:
    """Tokens of context, as vLLM derives them: the least length said, times a linear scaling."""
    lengths = [n for name in _LENGTHS if (n := config.integer(name)) is not None and n > 0]
    length = config.integer("model_max_length") or min(lengths, default=0)
    if length <= 0:
        raise UserError(
            f"{config.path} lacks max_position_embeddings",
            "add it: the tokens of context that the model was trained for",
        )
    return int(length * _scaling(config))


def _scaling(config: HfConfig) -> float:
    if "gemma3" in config.model_type:  # its length is scaled already, whatever the type
        return 1.0
    tables = [config.table("rope_parameters"), config.table("rope_scaling")]
    tables += [t for table in tables for t in table.values() if isinstance(t, Mapping)]
    for table in tables:
        kind = table.get("rope_type", table.get("type"))
        factor = table.get("factor")
        if kind is not None and kind not in _UNSCALED and isinstance(factor, int | float):
            return float(factor)
    return 1.0


def _dtype(config: HfConfig, weights: HfWeights) -> str | None:
    """The type it computes in: what the file says, else what most of the weights are."""
    said = config.value("dtype", "torch_dtype")
    if isinstance(said, str):
        return _TYPES.get(said.removeprefix("torch."))
    return weights.main_dtype if weights.main_dtype in _TYPE_BYTES else None


def _quantization(config: HfConfig) -> str | None:
    """The method, with its bits where they are said: ``fp8``, ``awq 4-bit``; MLX has no method."""
    names = ("quantization_config", "compression_config", "quantization")
    table = next((found for name in names if (found := config.table(name))), {})
    if not table:
        return None
    method, bits = table.get("quant_method"), table.get("bits", table.get("w_bit"))
    words = [method] if isinstance(method, str) and method else []
    words += [f"{bits}-bit"] if isinstance(bits, int) else []
    return " ".join(words) or "quantized"


def _parameters(
    config: HfConfig,
    weights: HfWeights,
    n_heads: tuple[int, ...],
    kv_heads: tuple[int, ...],
    head_length: int,
) -> int | None:
    if (stored := weights.n_elements) is not None:
        return stored
    return count_parameters(config, n_heads=n_heads, kv_heads=kv_heads, head_length=head_length)


def _weights_bytes(
    config: HfConfig, weights: HfWeights, n_params: int | None, dtype: str | None
) -> int | None:
    """What is stored; without weights, what random ones would take, if the types are plain."""
    if (stored := weights.size_bytes) is not None:
        return stored
    if n_params is None or dtype is None or _quantization(config) is not None:
        return None
    return n_params * _TYPE_BYTES[dtype]


def _tied(config: HfConfig, weights: HfWeights) -> bool:
    own_layer = weights.has_output_layer
    return is_tied(config) if own_layer is None else not own_layer


def _beside_weights(folder: Path) -> Iterable[Path]:
    names = {path for pattern in _BESIDE_WEIGHTS for path in folder.glob(pattern)}
    return sorted(path for path in names if path.is_file())


def _name(folder: Path) -> str:
    """The folder's name; in a download cache the model's own, which the folders above spell."""
    cached = re.fullmatch(r"models--(.+)", folder.parent.parent.name)
    if cached and folder.parent.name == "snapshots":
        return cached[1].replace("--", "/", 1)
    return folder.name


def _first_architecture(config: HfConfig) -> str:
    names = config.top.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else "unknown"
