"""Why vLLM does not start: lines of real logs of 0.32 on a processor, and of its sources for GPUs.

The lines of a processor were taken from launches with the named mistake.
"""

from __future__ import annotations

import pytest

from autotune.launchers.failure import FailureKind
from autotune.launchers.vllm_failures import explain_vllm, longest_context, plain

ROOT_CAUSE_ABOVE = (
    "RuntimeError: Engine core initialization failed. See root cause above. "
    "Failed core proc(s): {'EngineCore': 1}"
)
STAMP = "ERROR 11-22 18:31:02 [core.py:1510]"
TOO_LONG_FOR_MEMORY = (
    "To serve at least one request with the model's max seq len (32768), (0.02 GiB KV cache is "
    "needed, which is larger than the available KV cache memory (0.0 GiB). Based on the available "
    "memory, the estimated maximum model length is 7680. Try increasing `gpu_memory_utilization` "
    "(which also controls CPU memory on the CPU backend) or decreasing `max_model_len` when "
    "initializing the engine. See https://docs.vllm.ai/ for more details."
)
VALUE_ERROR = "[type=value_error, input_value=ArgsKwargs((), {'runner_t..., 'stream_interval': 1})]"

CASES = [
    ("api_server.py: error: unrecognized arguments: --no-such-flag", "bad-flag"),
    (
        "api_server.py: error: argument --performance-mode: invalid choice: 'fast' (choose from "
        "'balanced', 'interactivity', 'throughput')",
        "bad-flag",
    ),
    ("api_server.py: error: argument --max-num-seqs: invalid int value: 'many'", "bad-flag"),
    (
        "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or "
        "'namespace/repo_name': '/tmp/nowhere'. Use `repo_type` argument if needed.",
        "model-missing",
    ),
    (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
        "  Value error, Invalid repository ID or local directory specified: '/tmp/empty'.",
        "model-missing",
    ),
    (
        "(Worker pid=8124) ERROR 11-22 18:35:08 [multiproc_executor.py:953] "
        "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: "
        "incomplete metadata, file not fully covered",
        "load-error",
    ),
    (
        "  Value error, max_num_batched_tokens (64) must be greater than or equal to max_num_seqs "
        f"(128). {VALUE_ERROR}",
        "bad-flag",
    ),
    (
        "  Value error, max_num_batched_tokens (2048) is smaller than max_model_len (32768). This "
        f"effectively limits the maximum sequence length. {VALUE_ERROR}",
        "bad-flag",
    ),
    (
        "  Value error, Currently, async scheduling is only supported with EAGLE/MTP/Draft Model/"
        f"NGram GPU/DSpark/DFlash kind of speculative decoding {VALUE_ERROR}",
        "bad-flag",
    ),
    (
        "(VllmWorker-0 pid=5573) ERROR 11-22 18:32:23 [multiproc_executor.py:953] ValueError: "
        "Available memory on node 0 (21.81/23.54 GiB) on startup is less than desired CPU memory "
        "utilization (0.99, 23.31 GiB).",
        "out-of-memory",
    ),
    (
        "(Worker pid=5764) ERROR 11-22 18:32:53 [multiproc_executor.py:1063] ValueError: Available "
        "memory on node 0 (22.07/23.54 GiB) on kv cache allocation is less than requested memory "
        "for kv (838.19 GiB).",
        "out-of-memory",
    ),
    (
        "(Worker pid=9591) ERROR 11-22 18:36:24 [multiproc_executor.py:1063] ValueError: No common "
        "block size for 24 (CPU_ATTN: [MultipleOf(32)]).",
        "bad-flag",
    ),
    ("OSError: [Errno 98] Address already in use", "port-taken"),
    (
        "(Worker pid=9314) ERROR 11-22 18:35:56 [multiproc_executor.py:953] RuntimeError: "
        "_C::static_scaled_fp8_quant() expected at most 0 argument(s) but received 4 argument(s).",
        "load-error",
    ),
    # What follows needs a GPU: the words are those of the sources.
    (
        f"(EngineCore pid=1) {STAMP} ValueError: No available memory for the cache blocks. Try "
        "increasing `gpu_memory_utilization` when initializing the engine.",
        "out-of-memory",
    ),
    (
        f"(EngineCore pid=1) {STAMP} ValueError: Free memory on device cuda:0 (10.1/23.6 GiB) on "
        "startup is less than desired GPU memory utilization (0.92, 21.7 GiB).",
        "out-of-memory",
    ),
    (
        f"(EngineCore pid=1) {STAMP} torch.OutOfMemoryError: CUDA out of memory. Tried to allocate "
        "2.00 GiB.",
        "out-of-memory",
    ),
    (
        f"(EngineCore pid=1) {STAMP} ValueError: Selected backend AttentionBackendEnum.FLASH_ATTN "
        "is not valid for this configuration. Reason: ['kv_cache_dtype not supported']",
        "bad-flag",
    ),
    (f"(EngineCore pid=1) {STAMP} RuntimeError: CUDA error: an illegal access", "crash"),
]


@pytest.mark.parametrize(
    ("line", "kind"), CASES, ids=[f"{k}-{i}" for i, (_, k) in enumerate(CASES)]
)
def test_the_cause_and_not_what_follows_from_it(line: str, kind: str) -> None:
    log = f"INFO loading\n{line}\n{ROOT_CAUSE_ABOVE}\n"
    failure = explain_vllm(log, 1)
    assert failure.kind is FailureKind(kind)
    assert failure.evidence
    assert failure.bound == {}


def test_a_context_that_is_too_long_for_the_memory_says_how_long_it_may_be() -> None:
    log = f"(EngineCore pid=3688) {STAMP} ValueError: {TOO_LONG_FOR_MEMORY}\n{ROOT_CAUSE_ABOVE}\n"
    failure = explain_vllm(log, 1)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("To serve at least one request")
    assert failure.bound == {"max-model-len": 7680}


def test_a_context_that_is_too_long_for_the_model_says_how_long_it_may_be() -> None:
    line = (
        "  Value error, User-specified max_model_len (65536) is greater than the derived "
        "max_model_len (max_position_embeddings=32768.0 or model_max_length=None in model's "
        "config.json). To allow overriding this maximum, set the env var"
    )
    failure = explain_vllm(line, 1)
    assert failure.kind is FailureKind.BAD_FLAG
    assert failure.bound == {"max-model-len": 32768}
    assert longest_context("nothing of the kind") == {}


def test_without_a_known_line_the_summary_is_better_than_nothing() -> None:
    failure = explain_vllm(f"INFO loading\n{ROOT_CAUSE_ABOVE}\n", 1)
    assert failure.kind is FailureKind.LOAD_ERROR
    assert explain_vllm("INFO loading\n", 3).kind is FailureKind.CRASH
    assert explain_vllm("INFO loading\n", None).kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"(EngineCore pid=3) {STAMP} ValueError: No room", "No room"),
        (f"  Value error, a (1) must be b (2). {VALUE_ERROR}", "a (1) must be b (2)."),
        ("vllm: error: unrecognized arguments: --x", "unrecognized arguments: --x"),
        ("OSError: [Errno 98] Address already in use", "[Errno 98] Address already in use"),
        ("the engine exited with code 3", "the engine exited with code 3"),
    ],
)
def test_messages_are_in_plain_words(line: str, words: str) -> None:
    assert plain(line) == words
