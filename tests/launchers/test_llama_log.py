"""What a log says, line by line: shapes of llama.cpp b11434, with numbers of our own."""

from __future__ import annotations

import pytest

from autotune.candidate import Setting
from autotune.launchers.llama_log import settings_in_log

LINE = "0.00.100.000 I "


def log(*lines: str) -> str:
    return "".join(f"{LINE}{line}\n" for line in lines)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("llama_context: n_ctx                 = 2304", "ctx-size", 2304),
        ("llama_context: n_seq_max             = 3", "parallel", 3),
        ("llama_context: n_batch               = 2000", "batch-size", 2000),
        ("llama_context: n_ubatch              = 512", "ubatch-size", 512),
        ("llama_context: kv_unified            = true", "kv-unified", True),
        ("llama_context: flash_attn            = disabled", "flash-attn", "off"),
        ("llama_context: flash_attn            = auto", "flash-attn", "auto"),
        ("system_info: n_threads = 6 (n_threads_batch = 12) / 16 | CPU", "threads-batch", 12),
        ("load_tensors: offloaded 12/31 layers to GPU", "n-gpu-layers", 12),
        (
            "load_tensors: loading model tensors, wait (load_mode = mmap+mlock)",
            "load-mode",
            "mmap+mlock",
        ),
        ("srv load_model: prompt cache is enabled, size limit: 100 MiB", "cache-ram", 100),
        ("srv load_model: prompt cache is enabled, size limit: no limit", "cache-ram", -1),
        ("srv load_model: prompt cache is disabled - use `--cache-ram N`", "cache-ram", 0),
        ("srv: context checkpoints enabled, max = 5, min spacing = 100", "ctx-checkpoints", 5),
        (
            "srv: context checkpoints enabled, max = 5, min spacing = 100",
            "checkpoint-min-step",
            100,
        ),
        ("srv: context checkpoints disabled", "ctx-checkpoints", 0),
        ("srv: swa_full is not supported by this model, it will be disabled", "swa-full", False),
        (
            "srv: cache_reuse is not supported by this context, it will be disabled",
            "cache-reuse",
            0,
        ),
        ("spec: no implementations specified for speculative decoding", "spec-type", "none"),
        ("srv: failed to initialize speculative decoding context: no", "spec-type", "none"),
    ],
)
def test_one_line(line: str, name: str, value: Setting) -> None:
    found = settings_in_log(log(line))
    assert found[name] == value
    assert type(found[name]) is type(value)


def test_kv_types() -> None:
    text = log(
        "llama_kv_cache: size = 9.00 MiB ( 768 cells), K (q8_0): 4.00 MiB, V (f16): 5.00 MiB"
    )
    assert settings_in_log(text) == {"cache-type-k": "q8_0", "cache-type-v": "f16"}


def test_what_automatic_flash_attention_became() -> None:
    text = log(
        "llama_context: flash_attn            = auto", "resolve_fused_ops: Flash Attention enabled"
    )
    assert settings_in_log(text) == {"flash-attn": "on"}


def test_idle_slots_are_kept_only_where_the_log_says_so() -> None:
    cache = "srv: prompt cache is enabled, size limit: 8192 MiB"
    idle = "srv: idle slots will be saved to prompt cache upon starting a new task"
    assert settings_in_log(log(cache, idle))["cache-idle-slots"] is True
    assert settings_in_log(log(cache))["cache-idle-slots"] is False
    assert "cache-idle-slots" not in settings_in_log(log(idle))


def test_drafters_and_their_numbers() -> None:
    text = log(
        "spec common_specu: adding speculative implementation 'ngram-simple'",
        "spec common_specu: - size_n=5, size_m=40, min_hits=2",
        "spec common_specu: adding speculative implementation 'ngram-mod'",
        "spec common_specu: - n_match=24, n_max=64, n_min=48",
        "spec common_specu: - mod size=4194304 (16.000 MB)",
    )
    assert settings_in_log(text) == {
        "spec-type": "ngram-simple,ngram-mod",
        "spec-ngram-simple-size-n": 5,
        "spec-ngram-simple-size-m": 40,
        "spec-ngram-simple-min-hits": 2,
        "spec-ngram-mod-n-match": 24,
        "spec-ngram-mod-n-max": 64,
        "spec-ngram-mod-n-min": 48,
    }


def test_the_draft_model_comes_second() -> None:
    text = log("llama_context: n_ctx     = 8192", "llama_context: n_ctx     = 512")
    assert settings_in_log(text) == {"ctx-size": 8192}


def test_an_empty_log_says_nothing() -> None:
    assert settings_in_log("") == {}
