"""Hugging Face folders: figures worked out by hand, or published with the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hf_folder import write_config, write_safetensors

from autotune.errors import UserError
from autotune.models.identity import model_sha256
from autotune.models.metadata import ModelKind, read_model

QWEN25_05B = {
    "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "vocab_size": 151936,
    "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
    "tie_word_embeddings": True, "max_position_embeddings": 32768, "sliding_window": 32768,
    "use_sliding_window": False, "max_window_layers": 24,
}  # fmt: skip
LLAMA32_1B = {
    "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "vocab_size": 128256,
    "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
    "tie_word_embeddings": True, "max_position_embeddings": 131072,
    "rope_scaling": {"rope_type": "llama3", "factor": 32.0},
}  # fmt: skip
QWEN3_06B = {
    "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "vocab_size": 151936,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
    "tie_word_embeddings": True, "max_position_embeddings": 40960, "sliding_window": None,
}  # fmt: skip
QWEN3_30B_A3B = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "head_dim": 128,
    "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
    "num_experts": 128, "moe_intermediate_size": 768, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "vocab_size": 151936, "tie_word_embeddings": False,
}  # fmt: skip
MIXTRAL_8X7B = {
    "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 32000,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "num_local_experts": 8, "sliding_window": None,
}  # fmt: skip
GEMMA3_270M = {
    "model_type": "gemma3_text", "hidden_size": 640, "intermediate_size": 2048, "head_dim": 256,
    "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1,
    "vocab_size": 262144, "max_position_embeddings": 32768, "sliding_window": 512,
    "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 3,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
}  # fmt: skip


def test_a_plain_folder(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "tiny")
    weights = write_safetensors(
        folder / "model.safetensors",
        {"model.embed_tokens.weight": ("BF16", (10, 32)), "model.norm.weight": ("F32", (32,))},
    )
    (folder / "tokenizer.json").write_text("{}")
    (folder / "README.md").write_text("not the model")
    info = read_model(folder)
    assert info.kind is ModelKind.HUGGINGFACE
    assert (info.name, info.architecture, info.quantization) == ("tiny", "llama", "BF16")
    assert info.parts == (folder / "config.json", folder / "tokenizer.json", weights)
    assert (info.n_layers, info.n_ctx_train, info.n_embd, info.n_vocab) == (2, 4096, 32, 10)
    assert (info.n_heads, info.kv_heads) == ((4, 4), (2, 2))
    assert (info.key_length, info.value_length) == (8, 8)  # 32 / 4
    assert (info.attention_layers, info.window_layers, info.recurrent_layers) == ((0, 1), (), ())
    assert info.weights_bytes == 10 * 32 * 2 + 32 * 4
    assert info.n_params == 10 * 32 + 32
    assert info.tied_embedding  # there is no lm_head
    assert (info.layer_bytes, info.expert_bytes, info.input_bytes) == ((), (), None)
    assert info.can_roll_back


@pytest.mark.parametrize(
    ("config", "n_params"),
    [
        (QWEN25_05B, 494_032_768),
        (LLAMA32_1B, 1_235_814_400),
        (QWEN3_06B, 596_049_920),
        (QWEN3_30B_A3B, 30_532_122_624),
        (MIXTRAL_8X7B, 46_702_792_704),
        (GEMMA3_270M, 268_098_176),
    ],
    ids=["qwen2.5-0.5b", "llama-3.2-1b", "qwen3-0.6b", "qwen3-30b-a3b", "mixtral", "gemma3-270m"],
)
def test_without_weights_the_configuration_says_how_large(
    tmp_path: Path, config: dict[str, Any], n_params: int
) -> None:
    info = read_model(write_config(tmp_path, **config))
    assert info.n_params == n_params  # as published with each model
    assert info.weights_bytes == 2 * n_params


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "made-up-next-year"},
        {"quantization_config": {"quant_method": "fp8"}},
        {"torch_dtype": ...},
    ],
)
def test_unknown_weights_are_not_zero(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert read_model(write_config(tmp_path, **changes)).weights_bytes is None


def test_biases_of_a_llama(tmp_path: Path) -> None:
    plain = read_model(write_config(tmp_path / "a")).n_params
    biased = read_model(write_config(tmp_path / "b", attention_bias=True, mlp_bias=True)).n_params
    # Q 32, K and V 16 each, output 32; up and gate 64 each, down 32; twice
    assert plain is not None
    assert biased == plain + 2 * (32 + 2 * 16 + 32 + 2 * 64 + 32)


@pytest.mark.parametrize(("head_dim", "length"), [(..., 8), (None, 8), (0, 8), (16, 16)])
def test_head_dim_may_be_absent(tmp_path: Path, head_dim: object, length: int) -> None:
    info = read_model(write_config(tmp_path, head_dim=head_dim))
    assert (info.key_length, info.value_length) == (length, length)


@pytest.mark.parametrize(
    ("changes", "heads"),
    [
        ({"num_key_value_heads": ...}, (4, 4)),
        ({"num_key_value_heads": ..., "num_kv_heads": 1}, (1, 1)),
        ({"num_key_value_heads": ..., "n_head_kv": 2}, (2, 2)),
        ({"num_key_value_heads": [1, 2]}, (1, 2)),
        ({"model_type": "falcon", "num_key_value_heads": ..., "multi_query": True}, (1, 1)),
        ({"num_key_value_heads": ..., "attn_config": {"kv_n_heads": 2}}, (2, 2)),
        (
            {
                "num_key_value_heads": None,
                "block_configs": [
                    {"attention": {"n_heads_in_group": 4}},
                    {"attention": {"no_op": True, "n_heads_in_group": None}},
                ],
            },
            (1, 0),
        ),
    ],
)
def test_kv_heads_in_every_spelling(
    tmp_path: Path, changes: dict[str, Any], heads: tuple[int, ...]
) -> None:
    info = read_model(write_config(tmp_path, **changes))
    assert info.kv_heads == heads
    assert info.attention_layers == tuple(i for i, n in enumerate(heads) if n)


def test_latent_attention(tmp_path: Path) -> None:
    mla = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "v_head_dim": 128}
    info = read_model(write_config(tmp_path, model_type="deepseek_v3", **mla))
    assert info.is_mla
    assert (info.key_length, info.kv_heads) == (576, (1, 1))


def test_a_language_model_inside_another(tmp_path: Path) -> None:
    inner = {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "num_hidden_layers": 34,
        "sliding_window": 1024,
    }
    top = dict.fromkeys(
        ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"), ...
    )
    folder = write_config(
        tmp_path, model_type="gemma3", text_config=inner, max_position_embeddings=..., **top
    )
    info = read_model(folder)  # the class's defaults: 8 heads, 4 for KV, 256 each
    assert (info.architecture, info.n_layers, info.n_ctx_train) == ("gemma3_text", 34, 131072)
    assert (info.n_heads[0], info.kv_heads[0], info.key_length) == (8, 4, 256)
    assert info.sliding_window == 1024
    assert set(info.attention_layers) - set(info.window_layers) == {5, 11, 17, 23, 29}
    assert info.weights_bytes is None  # with the vision tower it is not known


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({}, 4096),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, 16384),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 2}}, 8192),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, 4096),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 4096),
        ({"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0]}}, 4096),
        ({"rope_scaling": None, "rope_parameters": {"rope_type": "default"}}, 4096),
        ({"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0}}}, 8192),
        ({"max_position_embeddings": ..., "seq_length": 512}, 512),
        ({"seq_length": 512}, 512),
        ({"model_max_length": 1024}, 1024),
    ],
)
def test_context(tmp_path: Path, changes: dict[str, Any], tokens: int) -> None:
    assert read_model(write_config(tmp_path, **changes)).n_ctx_train == tokens


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "awq", "bits": 4}, "awq 4-bit"),
        ({"bits": 4, "group_size": 64}, "4-bit"),
        ({"group_size": 64}, "quantized"),
    ],
)
def test_quantization(tmp_path: Path, table: dict[str, Any], words: str) -> None:
    info = read_model(write_config(tmp_path, quantization_config=table))
    assert info.quantization == words
    assert info.dtype == "BF16"


def test_the_name_in_a_download_cache(tmp_path: Path) -> None:
    folder = tmp_path / "models--Qwen--Qwen3-0.6B" / "snapshots" / "c1899de"
    assert read_model(write_config(folder)).name == "Qwen/Qwen3-0.6B"


def test_identity_changes_with_what_the_model_is(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "m")
    (folder / "tokenizer.json").write_text("{}")
    write_safetensors(folder / "model.safetensors", {"w": ("BF16", (4, 4))})

    def identity() -> str:
        return model_sha256(*read_model(folder).parts).sha256

    seen = {identity()}
    (folder / "README.md").write_text("words")
    assert identity() in seen
    (folder / "tokenizer.json").write_text('{"other": 1}')
    seen.add(identity())
    write_config(folder, rope_theta=1e6)
    seen.add(identity())
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-1] + b"\x01")
    seen.add(identity())
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": ...}, "lacks num_hidden_layers"),
        ({"num_hidden_layers": 10**6}, "1000000 layers"),
        ({"hidden_size": "wide"}, "lacks hidden_size"),
        ({"max_position_embeddings": ...}, "lacks max_position_embeddings"),
        ({"num_key_value_heads": [1]}, "1 numbers for 2 layers"),
    ],
)
def test_what_is_no_language_model(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_model(write_config(tmp_path, **changes))
    assert error.value.hint


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("[]", "not a JSON object")])
def test_damaged_configurations(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_model(tmp_path)


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"without config\.json") as error:
        read_model(tmp_path)
    assert "Hugging Face" in error.value.hint
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(UserError) as error:
        read_model(tmp_path)
    assert str(tmp_path / "m.gguf") in error.value.hint
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match="one file of a model's folder") as error:
        read_model(tmp_path / "config.json")
    assert str(tmp_path) in error.value.hint
