"""What vLLM's log and metrics say, on lines of a real 0.32 (shortened)."""

from __future__ import annotations

from autotune.launchers.vllm_log import settings_in_log, settings_in_metrics

ARGUMENTS = (
    "(APIServer pid=1) INFO 11-22 18:20:49 [api_utils.py:286] non-default args: "
    "{'enable_prompt_tokens_details': True, 'host': '127.0.0.1', 'port': 8123, "
    "'model': '/m', 'served_model_name': ['local'], 'generation_config': 'vllm', "
    "'max_num_seqs': 8, 'max_num_batched_tokens': 1024, 'stream_interval': 4, "
    "'performance_mode': 'throughput', 'speculative_config': {'method': 'ngram', "
    "'num_speculative_tokens': 4, 'prompt_lookup_max': 5}}\n"
)
CONFIG = (
    "(EngineCore pid=2) INFO 11-22 18:21:18 [core.py:133] Initializing a V1 LLM engine (v0.32.0) "
    "with config: model='/m', speculative_config=SpeculativeConfig(method='ngram', model=None, "
    "num_spec_tokens=4), tokenizer='/m', dtype=torch.float16, max_seq_len=16384, "
    "load_format=auto, quantization=None, quantization_config=None, enforce_eager=True, "
    "kv_cache_dtype=fp8_e5m2, device_config={device}, seed=0, enable_prefix_caching=True, "
    "enable_chunked_prefill=False, pooler_config=None\n"
)
METRICS = (
    "# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig\n"
    "# TYPE vllm:cache_config_info gauge\n"
    'vllm:cache_config_info{_block_size_resolved="True",block_size="128",cache_dtype="auto",'
    'enable_prefix_caching="True",engine="0",gpu_memory_utilization="0.92",'
    'kv_cache_memory_bytes="1000000000",kv_offloading_backend="native",kv_offloading_size="None",'
    'num_gpu_blocks="15258"} 1.0\n'
)


def test_what_was_understood_and_what_was_decided() -> None:
    found = settings_in_log(ARGUMENTS + CONFIG.replace("{device}", "cuda"))
    assert found == {
        "generation-config": "vllm",
        "max-num-seqs": 8,
        "max-num-batched-tokens": 1024,
        "stream-interval": 4,
        "performance-mode": "throughput",
        "speculative-config.method": "ngram",
        "speculative-config.num_speculative_tokens": 4,
        "speculative-config.prompt_lookup_max": 5,
        "max-model-len": 16384,
        "quantization": "model",
        "enforce-eager": True,
        "kv-cache-dtype": "fp8_e5m2",
        "enable-prefix-caching": True,
        "enable-chunked-prefill": False,
    }


def test_a_drafter_that_was_not_set_up_shows() -> None:
    dropped = CONFIG.replace(
        "SpeculativeConfig(method='ngram', model=None, num_spec_tokens=4)", "None"
    )
    found = settings_in_log(ARGUMENTS + dropped)
    assert found["speculative-config.method"] == "none"


def test_a_processor_plans_no_step_ahead_and_says_how_many_cores_it_leaves() -> None:
    bound = "(EngineCore pid=2) INFO [omp.py:185] \tlocal_world_size=1, reserve_cpu_num=1\n"
    found = settings_in_log(CONFIG.replace("{device}", "cpu") + bound)
    assert found["async-scheduling"] is False
    assert found["VLLM_CPU_NUM_OF_RESERVED_CPU"] == 1


def test_the_attention_backend_that_was_chosen_or_taken() -> None:
    chosen = "INFO Using FLASH_ATTN attention backend out of potential backends: ['FLASH_ATTN'].\n"
    assert settings_in_log(chosen) == {"attention-backend": "FLASH_ATTN"}
    asked = "INFO Using AttentionBackendEnum.TRITON_ATTN backend.\n"
    assert settings_in_log(asked) == {"attention-backend": "TRITON_ATTN"}


def test_arguments_that_are_no_plain_values_are_left_alone() -> None:
    odd = "non-default args: {'compilation_config': <CompilationMode.NONE: 0>, 'seed': 3}\n"
    assert settings_in_log(odd) == {}
    assert settings_in_log("non-default args: {1, 2}\n") == {}


def test_the_cache_is_read_from_the_metrics() -> None:
    assert settings_in_metrics(METRICS) == {
        "block-size": 128,
        "kv-cache-dtype": "auto",
        "enable-prefix-caching": True,
        "gpu-memory-utilization": 0.92,
        "kv-cache-memory-bytes": 1_000_000_000,
        "kv-offloading-size": 0,
    }
    assert settings_in_metrics("vllm:num_requests_running 0\n") == {}
