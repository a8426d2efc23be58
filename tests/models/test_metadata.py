from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.models.metadata import read_model

Write = Callable[..., Path]


def test_a_plain_model(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    tensors = {
        "token_embd.weight": (10, 32),
        "blk.0.attn_k.weight": (16, 32),
        "blk.1.attn_k.weight": (16, 32),
        "blk.1.ffn_up_exps.weight": (2, 8, 32),
        "output_norm.weight": (32,),
    }
    plain = {"general.name": "Tiny", "general.file_type": 15, "tokenizer.ggml.tokens": ["a"] * 10}
    path = write_gguf("llama", llama_keys, plain=plain, tensors=tensors)
    info = read_model(path)
    assert (info.name, info.architecture, info.quantization) == ("Tiny", "llama", "Q4_K_M")
    assert (info.n_layers, info.n_ctx_train, info.n_vocab) == (2, 4096, 10)
    assert (info.n_heads, info.kv_heads) == ((4, 4), (2, 2))
    assert (info.key_length, info.value_length) == (8, 8)  # 32 / 4
    assert info.attention_layers == (0, 1)
    assert info.window_layers == info.recurrent_layers == ()
    assert info.sliding_window is None
    assert info.can_roll_back
    # float16: two bytes a value
    assert info.n_params == 320 + 512 + 512 + 512 + 32
    assert info.weights_bytes == 2 * info.n_params
    assert info.layer_bytes == (1024, 2048)
    assert info.expert_bytes == (0, 1024)
    assert info.input_bytes == 640
    assert info.tied_embedding
    assert info.file_bytes == path.stat().st_size


def test_names_and_types_are_made_up_only_from_the_file(
    write_gguf: Write, llama_keys: dict[str, Any]
) -> None:
    info = read_model(write_gguf("llama", llama_keys, name="my-model.gguf"))
    assert info.name == "my-model"
    assert info.quantization is None
    assert info.n_vocab is None
    assert info.n_expert is None
    with_weights = write_gguf("llama", llama_keys, tensors={"output.weight": (4, 4)})
    assert read_model(with_weights).quantization == "F16"


def test_kv_heads_default_to_the_heads(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    del llama_keys["attention.head_count_kv"]
    assert read_model(write_gguf("llama", llama_keys)).kv_heads == (4, 4)


def test_kv_heads_per_layer(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {**llama_keys, "attention.head_count_kv": [2, 0]}
    info = read_model(write_gguf("deci", keys))
    assert info.kv_heads == (2, 0)
    assert info.attention_layers == (0,)


@pytest.mark.parametrize(
    ("architecture", "layers", "extra", "windowed", "window"),
    [
        ("gemma2", 6, {}, [0, 2, 4], 4096),
        ("gemma2", 4, {"attention.sliding_window": 1024}, [0, 2], 1024),
        ("gemma3", 12, {"attention.sliding_window": 512}, [*range(5), *range(6, 11)], 512),
        ("gemma3", 12, {}, [], None),
        ("gpt-oss", 4, {"attention.sliding_window": 128}, [0, 2], 128),
        ("cohere2", 8, {"attention.sliding_window": 64}, [0, 1, 2, 4, 5, 6], 64),
        ("llama4", 4, {}, [0, 1, 2], 8192),
        ("llama4", 4, {"attention.sliding_window": 0}, [], None),
        ("smallthinker", 4, {"attention.sliding_window": 1}, [1, 2, 3], 4096),
        ("exaone4", 30, {"attention.sliding_window": 4096}, [], None),
        ("exaone4", 64, {}, [i for i in range(64) if i % 4 != 3], 4096),
        ("phi3", 4, {"attention.sliding_window": 2047}, [], None),
        ("llama", 4, {"attention.sliding_window": 4096}, [], None),
        (
            "gemma4",
            4,
            {"attention.sliding_window": 8, "attention.sliding_window_pattern": [True, 0, 1, 0]},
            [0, 2],
            8,
        ),
        (
            "gemma3",
            4,
            {"attention.sliding_window": 8, "attention.sliding_window_pattern": 2},
            [0, 2],
            8,
        ),
        (
            "made-up-next-year",
            3,
            {
                "attention.sliding_window": 8,
                "attention.sliding_window_pattern": [False, True, True],
            },
            [1, 2],
            8,
        ),
    ],
)
def test_sliding_windows(
    write_gguf: Write,
    llama_keys: dict[str, Any],
    architecture: str,
    layers: int,
    extra: dict[str, Any],
    windowed: list[int],
    window: int | None,
) -> None:
    extra = {k: [bool(x) for x in v] if isinstance(v, list) else v for k, v in extra.items()}
    keys = {**llama_keys, "block_count": layers, **extra}
    info = read_model(write_gguf(architecture, keys))
    assert list(info.window_layers) == windowed
    assert info.sliding_window == window
    assert info.can_roll_back == (not windowed)
    assert info.attention_layers == tuple(range(layers))


def test_shared_caches_are_held_once(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    pattern = [True, True, True, False] * 2
    keys = {
        **llama_keys,
        "block_count": 8,
        "attention.sliding_window": 16,
        "attention.sliding_window_pattern": pattern,
        "attention.shared_kv_layers": 3,
        "attention.key_length": 64,
        "attention.value_length": 64,
        "attention.key_length_swa": 32,
        "attention.value_length_swa": 16,
    }
    info = read_model(write_gguf("gemma4", keys))
    assert info.attention_layers == (0, 1, 2, 3, 4)
    assert info.window_layers == (0, 1, 2, 4)
    assert (info.key_length, info.key_length_window, info.value_length_window) == (64, 32, 16)


def test_gemma3n_keeps_twenty_layers(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {**llama_keys, "block_count": 30, "attention.sliding_window": 512}
    info = read_model(write_gguf("gemma3n", keys))
    assert info.attention_layers == tuple(range(20))
    assert info.window_layers == tuple(i for i in range(20) if i % 5 != 4)


def test_interval_hybrid_with_a_draft_layer(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {
        **llama_keys,
        "block_count": 9,
        "nextn_predict_layers": 1,
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 64,
        "ssm.state_size": 16,
        "ssm.group_count": 2,
    }
    info = read_model(write_gguf("qwen35", keys))
    assert (info.n_layers, info.n_draft_layers) == (8, 1)
    assert info.attention_layers == (3, 7)
    assert info.recurrent_layers == (0, 1, 2, 4, 5, 6)
    assert info.recurrent_elements == 3 * (64 + 2 * 2 * 16) + 16 * 64  # 384 + 1024
    assert not info.can_roll_back


def test_interval_and_list_of_the_file_win(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {**llama_keys, "block_count": 4, "full_attention_interval": 2}
    assert read_model(write_gguf("qwen3next", keys)).attention_layers == (1, 3)
    keys["attention.recurrent_layers"] = [False, True, True, True]
    assert read_model(write_gguf("qwen3next", keys)).attention_layers == (0,)


def test_hybrid_by_kv_heads(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {**llama_keys, "block_count": 3, "attention.head_count_kv": [0, 2, 0]}
    keys["shortconv.l_cache"] = 3
    info = read_model(write_gguf("lfm2", keys))
    assert (info.attention_layers, info.recurrent_layers) == ((1,), (0, 2))
    assert info.recurrent_elements == 32 * 2


def test_feed_forward_layers_of_nemotron_h_hold_nothing(
    write_gguf: Write, llama_keys: dict[str, Any]
) -> None:
    keys = {**llama_keys, "block_count": 3, "attention.head_count_kv": [0, 0, 2]}
    keys |= {"feed_forward_length": [0, 128, 0], "ssm.inner_size": 8, "ssm.state_size": 4}
    info = read_model(write_gguf("nemotron_h", keys))
    assert (info.recurrent_layers, info.attention_layers) == ((0,), (2,))


@pytest.mark.parametrize(
    ("architecture", "extra", "elements"),
    [
        ("mamba", {"ssm.conv_kernel": 4, "ssm.inner_size": 64, "ssm.state_size": 16}, 192 + 1024),
        ("rwkv7", {"wkv.head_size": 8}, 2 * 32 + 32 * 8),
        ("arwkv7", {"wkv.head_size": 8, "token_shift_count": 1}, 32 + 32 * 8),
    ],
)
def test_purely_recurrent(
    write_gguf: Write, architecture: str, extra: dict[str, Any], elements: int
) -> None:
    keys = {"block_count": 2, "context_length": 1024, "embedding_length": 32}
    info = read_model(write_gguf(architecture, {**keys, "attention.head_count": 0, **extra}))
    assert (info.attention_layers, info.recurrent_layers) == ((), (0, 1))
    assert info.recurrent_elements == elements


def test_falcon_h1_has_both_everywhere(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {**llama_keys, "ssm.inner_size": 8, "ssm.state_size": 4}
    info = read_model(write_gguf("falcon-h1", keys))
    assert info.attention_layers == info.recurrent_layers == (0, 1)


def test_kimi_delta_attention(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {**llama_keys, "attention.head_count_kv": [0, 1], "kda.head_dim": 16}
    info = read_model(write_gguf("kimi-linear", {**keys, "ssm.conv_kernel": 4}))
    assert info.recurrent_elements == 3 * 3 * 4 * 16 + 16 * 16 * 4


def test_latent_attention(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {
        **llama_keys,
        "attention.head_count_kv": 1,
        "attention.key_length": 576,
        "attention.value_length": 512,
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
    }
    info = read_model(write_gguf("deepseek2", keys))
    assert info.is_mla
    assert (info.key_length, info.kv_heads) == (576, (1, 1))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "lacks llama.block_count"),
        ({"block_count": 0}, "0 layers"),
        ({"block_count": 4_000_000}, "4000000 layers"),
        ({"block_count": 2, "nextn_predict_layers": 2}, "2 of them for drafts"),
        ({"block_count": 2, "embedding_length": 8}, "lacks llama.context_length"),
        ({"block_count": 3, "attention.head_count_kv": [1, 2]}, "2 whole numbers for 3 layers"),
    ],
)
def test_what_is_no_language_model(write_gguf: Write, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_model(write_gguf("llama", keys))
    assert error.value.hint


def split_model(write_gguf: Write, keys: dict[str, Any], folder: str) -> list[Path]:
    return [
        write_gguf(
            "llama",
            keys if part == 0 else {},
            plain={"split.no": part, "split.count": 3},
            tensors={f"blk.{part % 2}.w{part}": (32, 4)},
            name=f"big-{part + 1:05d}-of-00003.gguf",
        )
        for part in range(3)
    ]


def test_split_models_are_one(
    write_gguf: Write, llama_keys: dict[str, Any], tmp_path: Path
) -> None:
    paths = split_model(write_gguf, llama_keys, "split")
    info = read_model(paths[0])
    assert info.parts == tuple(paths)
    assert info.layer_bytes == (2 * 256, 256)
    assert info.file_bytes == sum(p.stat().st_size for p in paths)
    with pytest.raises(UserError, match="is not the first part") as error:
        read_model(paths[1])
    assert str(paths[0]) in error.value.hint
    paths[2].unlink()
    with pytest.raises(UserError, match=r"no model file at .*big-00003"):
        read_model(paths[0])


def test_renamed_split_model(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    plain = {"split.no": 0, "split.count": 2}
    path = write_gguf("llama", llama_keys, plain=plain, name="renamed.gguf")
    with pytest.raises(UserError, match="one of 2 parts"):
        read_model(path)


def test_smollm2(smollm2: Path) -> None:
    info = read_model(smollm2)
    assert info.architecture == "llama"
    assert (info.n_layers, info.n_ctx_train, info.n_embd, info.n_vocab) == (30, 8192, 576, 49152)
    assert (set(info.n_heads), set(info.kv_heads), info.key_length) == ({9}, {3}, 64)
    assert info.n_params == 134_515_008
