"""vLLM's shipped space: what varies on a card and on a processor, and what follows from what."""

from __future__ import annotations

import pytest

from autotune.candidate import Setting
from autotune.launchers.vllm_flags import vllm_arguments
from autotune.search.space import Space, is_forbidden, to_settings
from autotune.search.space_file import build_space, shipped_overlay, shipped_space

SYMBOLS: dict[str, Setting] = {
    "context-needed": 4096,
    "context-roomy": 8192,
    "context-default": 32768,
    "physical-cores": 4,
    "logical-cores": 8,
    "half-cores": 2,
}
PLACES = ["cpu", "rtx-3090", "rtx-4090", "h100", "gb10"]


def space_on(place: str, *, quality: bool = False) -> Space:
    return build_space(
        shipped_space("vllm"),
        shipped_overlay("vllm", place),
        SYMBOLS,
        pins={},
        allow_quality_change=quality,
        rolling_state=False,
    )


def test_the_baseline_of_a_card_states_every_default() -> None:
    space = space_on("rtx-3090")
    assert to_settings(space, space.defaults) == {
        "enable-prefix-caching": True,
        "stream-interval": 1,
        "kv-cache-dtype": "auto",
        "quantization": "model",
        "max-num-batched-tokens": 2048,
        "enable-chunked-prefill": True,
        "performance-mode": "balanced",
        "max-model-len": 32768,
        "max-num-seqs": 256,
        "gpu-memory-utilization": 0.92,
        "block-size": "auto",
        "attention-backend": "auto",
        "kv-offloading-size": 0,
        "speculative-config.method": "none",
        "async-scheduling": True,
    }


def test_defaults_go_by_the_card() -> None:
    def defaults(place: str) -> tuple[Setting, Setting]:
        found = space_on(place).defaults
        return found["max-num-batched-tokens"], found["max-num-seqs"]

    assert defaults("rtx-4090") == (2048, 256)
    assert defaults("h100") == (8192, 1024)
    assert defaults("cpu") == (2048, 128)


def test_a_processor_has_no_card_to_share_and_leaves_a_core() -> None:
    space = space_on("cpu", quality=True)
    assert not {"gpu-memory-utilization", "attention-backend", "async-scheduling"} & set(
        space.defaults
    )
    assert space.defaults["VLLM_CPU_NUM_OF_RESERVED_CPU"] == 1
    assert "VLLM_CPU_NUM_OF_RESERVED_CPU" not in space_on("h100").defaults


def test_without_chunks_a_step_holds_the_longest_prompt() -> None:
    space = space_on("rtx-3090")
    whole = to_settings(space, {**space.defaults, "enable-chunked-prefill": False})
    assert whole["max-num-batched-tokens"] == whole["max-model-len"] == 32768
    short = {**space.defaults, "enable-chunked-prefill": False, "max-model-len": 4096}
    assert to_settings(space, short)["max-num-batched-tokens"] == 4096
    larger = {**short, "max-num-batched-tokens": 8192}
    assert to_settings(space, larger)["max-num-batched-tokens"] == 8192


def test_drafts_go_without_planning_ahead_and_a_shortest_match_is_never_longer() -> None:
    space = space_on("rtx-3090")
    drafting: dict[str, Setting] = {
        **space.defaults,
        "speculative-config.method": "ngram",
        "speculative-config.prompt_lookup_max": 3,
    }
    settings = to_settings(space, drafting)
    assert "async-scheduling" not in settings
    assert settings["speculative-config.prompt_lookup_min"] == 3


def test_no_step_has_fewer_tokens_than_sequences() -> None:
    space = space_on("h100")
    settings = to_settings(space, {**space.defaults, "max-num-batched-tokens": 512})
    assert settings["max-num-seqs"] == 512


def test_types_of_the_cache_that_a_backend_cannot_read() -> None:
    space = space_on("rtx-4090", quality=True)
    assert is_forbidden(space, {"attention-backend": "FLASH_ATTN", "kv-cache-dtype": "fp8"})
    assert not is_forbidden(space, {"attention-backend": "auto", "kv-cache-dtype": "fp8"})


@pytest.mark.parametrize("place", PLACES)
def test_every_choice_can_be_said(place: str) -> None:
    space = space_on(place, quality=True)
    for parameter in space.parameters:
        assert parameter.default in parameter.choices
        for choice in parameter.choices:
            settings = to_settings(space, {**space.defaults, parameter.name: choice})
            assert vllm_arguments(settings, frozenset())


@pytest.mark.parametrize("place", PLACES)
def test_there_is_where_to_begin(place: str) -> None:
    names = [start.name for start in space_on(place).starts]
    assert names[0] == "n-gram drafts"
    assert ("short blocks" in names) is (place == "cpu")
