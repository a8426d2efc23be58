"""vLLM's command line, without a vLLM."""

from __future__ import annotations

import json

import pytest

from autotune.candidate import Setting
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.program import FlagUsage
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Standing
from autotune.launchers.vllm_flags import (
    speculative_config,
    vllm_arguments,
    vllm_spelling,
    vllm_variables,
)

ACCEPTED = frozenset(
    {
        "enable-prompt-tokens-details", "no-enable-prompt-tokens-details",
        "generation-config",
        "enable-log-requests", "no-enable-log-requests",
        "disable-uvicorn-access-log",
        "enable-prefix-caching", "no-enable-prefix-caching",
        "enable-chunked-prefill", "no-enable-chunked-prefill",
        "max-num-seqs", "block-size", "quantization", "kv-offloading-size",
        "speculative-config", "disable-cascade-attn",
    }
)  # fmt: skip
ALWAYS = (
    *("--enable-prompt-tokens-details", "--generation-config", "vllm", "--no-enable-log-requests"),
    *("--disable-uvicorn-access-log", "--enable-prefix-caching"),
)
NGRAM: dict[str, Setting] = {
    "speculative-config.method": "ngram",
    "speculative-config.num_speculative_tokens": 4,
    "speculative-config.prompt_lookup_max": 5,
}


def test_what_is_always_stated_comes_first_and_a_setting_takes_its_place() -> None:
    assert vllm_arguments({}, ACCEPTED) == ALWAYS
    assert vllm_arguments({"max-num-seqs": 8}, ACCEPTED) == (*ALWAYS, "--max-num-seqs", "8")
    off = vllm_arguments({"enable-prefix-caching": False}, ACCEPTED)
    assert off == (*ALWAYS[:-1], "--no-enable-prefix-caching")


def test_switches_are_spelt_as_the_build_has_them() -> None:
    assert vllm_arguments({"enable-chunked-prefill": True}, ACCEPTED)[-1:] == (
        "--enable-chunked-prefill",
    )
    assert vllm_arguments({"enable-chunked-prefill": False}, ACCEPTED)[-1:] == (
        "--no-enable-chunked-prefill",
    )
    # Off unless given, and there is no flag that says so.
    assert vllm_arguments({"disable-cascade-attn": False}, ACCEPTED) == ALWAYS
    assert vllm_arguments({"enforce-eager": False}, frozenset())[-1] == "--no-enforce-eager"


def test_values_that_leave_it_to_the_engine_are_not_stated() -> None:
    unstated: dict[str, Setting] = {
        "block-size": "auto",
        "quantization": "model",
        "kv-offloading-size": 0,
        "speculative-config.method": "none",
    }
    assert vllm_arguments(unstated, ACCEPTED) == ALWAYS
    stated = vllm_arguments({**unstated, "block-size": 32}, ACCEPTED)
    assert stated[-2:] == ("--block-size", "32")


def test_speculation_is_one_object_made_of_its_parts() -> None:
    argv = vllm_arguments({**NGRAM, "max-num-seqs": 8}, ACCEPTED)
    assert argv[-4:-1] == ("--max-num-seqs", "8", "--speculative-config")
    assert json.loads(argv[-1]) == {
        "method": "ngram",
        "num_speculative_tokens": 4,
        "prompt_lookup_max": 5,
    }
    assert speculative_config({**NGRAM, "speculative-config.method": "none"}) == {}
    assert speculative_config({"speculative-config.num_speculative_tokens": 4}) == {}


def test_capitals_are_variables_and_not_flags() -> None:
    settings: dict[str, Setting] = {"VLLM_CPU_NUM_OF_RESERVED_CPU": 0, "max-num-seqs": 2}
    assert vllm_arguments(settings, ACCEPTED)[-2:] == ("--max-num-seqs", "2")
    assert vllm_variables(settings) == {"VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("port", "set by autotune"),
        ("served-model-name", "set by autotune"),
        ("tokenizer-mode", "set by autotune"),
        ("enable-log-requests", "set by autotune"),
        ("speculative-config", "set by autotune"),
        ("spec-method", "set by autotune"),
        ("speculative-config.rejection_sample_method", "fakes a result"),
        ("speculative-config.synthetic_acceptance_rate", "fakes a result"),
        ("no-such-flag", "this build of vLLM has no flag --no-such-flag"),
    ],
)
def test_flags_that_are_refused(name: str, words: str) -> None:
    with pytest.raises(TrialError, match=words) as caught:
        vllm_arguments({name: 1}, ACCEPTED)
    assert caught.value.failure.kind is FailureKind.BAD_FLAG


def test_a_build_without_speculation_says_so() -> None:
    with pytest.raises(TrialError, match="no flag --speculative-config"):
        vllm_arguments(NGRAM, frozenset({"max-num-seqs"}))


def test_older_builds_are_told_not_to_log_requests_in_their_own_words() -> None:
    older = frozenset({"disable-log-requests", "generation-config"})
    assert vllm_arguments({}, older) == ("--generation-config", "vllm", "--disable-log-requests")


def test_what_a_build_calls_a_setting() -> None:
    usage = {"block-size": FlagUsage("{1,8,16,32}", ""), "quantization": FlagUsage("{awq,fp8}", "")}
    build = EngineBuild("vllm", "/v", "0.10", "0" * 64, ACCEPTED, usage)
    block = vllm_spelling("block-size", build)
    assert block.takes("auto")
    assert vllm_spelling("quantization", build).takes("model")
    assert not vllm_spelling("quantization", build).takes("int8_per_channel_weight_only")
    assert vllm_spelling("speculative-config.method", build).standing is Standing.SAME
    assert vllm_spelling("VLLM_CPU_NUM_OF_RESERVED_CPU", build).known
    assert not vllm_spelling("stream-interval", build).known
    bare = EngineBuild("vllm", "/v", "0.10", "0" * 64, frozenset({"max-num-seqs"}))
    assert not vllm_spelling("speculative-config.method", bare).known
