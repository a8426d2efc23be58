"""What a space comes to here: circumstances, flags left out, conditions that cannot hold."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from autotune.candidate import Setting
from autotune.hardware.profile_file import shipped_files
from autotune.search.space import UNSET, Space, to_settings
from autotune.search.space_build import build_space, reachable
from autotune.search.space_circumstances import SYMBOLS as NAMES
from autotune.search.space_entries import Overlay, SpaceFile
from autotune.search.space_file import overlay_on, shipped_space

SYMBOLS: dict[str, Setting] = {name: 8 + i for i, name in enumerate(sorted(NAMES))}


def space_of(
    parameters: dict[str, Any],
    overlay: Overlay | None = None,
    circumstances: Collection[str] = (),
    **pins: Setting,
) -> Space:
    tables = {name: {"concept": "x", **table} for name, table in parameters.items()}
    data = {"schema_version": "search-space/1", "engine": "e", "parameters": tables}
    return build_space(
        SpaceFile.model_validate(data),
        overlay,
        SYMBOLS,
        pins=pins,
        allow_quality_change=True,
        rolling_state=False,
        circumstances=circumstances,
    )


DRAFTS: dict[str, Any] = {
    "kind": {"choices": ["none", "words"], "choices-for": {"draft-layers": ["own"]},
             "default": "none"},
    "length": {"choices": [1, 2], "default": 1, "requires": {"kind": "own"}},
    "experts": {"choices": [0, 8], "default": 0, "only-for": "experts"},
}  # fmt: skip


def test_what_a_circumstance_brings() -> None:
    plain, drafting = space_of(DRAFTS), space_of(DRAFTS, None, ["draft-layers"])
    assert plain.parameter("kind").choices == ("none", "words")
    assert plain.names == ("kind",)  # nothing sets the length off
    assert drafting.parameter("kind").choices == ("none", "words", "own")
    assert drafting.names == ("kind", "length")
    assert space_of(DRAFTS, None, ["experts"]).names == ("kind", "experts")
    assert "experts" not in plain.fixed


def test_a_flag_that_is_left_out() -> None:
    space = space_of({"a": {"choices": [UNSET, 4, 2], "default": UNSET, "ordered": True}})
    assert space.parameter("a").choices == (UNSET, 4, 2)  # in no order
    assert not space.parameter("a").ordered
    assert to_settings(space, space.defaults) == {}
    assert to_settings(space, {"a": 4}) == {"a": 4}
    assert to_settings(space_of({}, None, a=UNSET), {}) == {}


def test_what_is_not_searched_unless_asked_for() -> None:
    aside = {"a": {"choices": [1, 2], "default": 1, "searched": False}}
    assert space_of(aside) == space_of({})
    assert space_of(aside, Overlay(choices={"a": [1, 2]})).names == ("a",)
    assert space_of(aside, Overlay(fix={"a": 2})).fixed == {"a": 2}
    assert space_of(aside, None, a=2).fixed == {"a": 2}


def test_one_choice_under_a_condition_is_not_stated_without_it() -> None:
    space = space_of(
        {
            "kind": {"choices": ["none", "own"], "default": "none"},
            "branches": {"choices": [1], "default": 1, "requires": {"kind": "own"}},
            "alone": {"choices": [1], "default": 1},
        }
    )
    assert space.fixed == {"alone": 1}
    assert to_settings(space, space.defaults) == {"kind": "none", "alone": 1}
    assert to_settings(space, {"kind": "own"})["branches"] == 1


def test_a_pin_wins_over_what_the_card_fixes() -> None:
    one = {"a": {"choices": [1, 2], "default": 1}}
    assert space_of(one, Overlay(fix={"a": 2}), a=1).fixed == {"a": 1}


def test_a_condition_on_what_was_dropped_cannot_hold() -> None:
    parameters: dict[str, Any] = {
        "n": {"choices": [1, 2], "default": 1},
        "a": {"choices": [4, 8], "default": 4, "requires": {"n": 2}},
    }
    assert space_of(parameters).names == ("n", "a")
    assert space_of(parameters, Overlay(drop=["n"])).names == ()
    assert space_of(parameters, None, n=1).names == ()
    assert space_of(parameters, None, n=2).names == ("a",)


def test_what_nobody_knows_is_left_to_the_linter() -> None:
    (lone,) = space_of(
        {"a": {"choices": [4, 8], "default": 4, "requires": {"nowhere": 1}}}
    ).parameters
    assert reachable([lone], {}, ["a", "nowhere"]) == []


def test_a_space_brings_overlays_of_its_own() -> None:
    data = {
        "schema_version": "search-space/1",
        "engine": "mine",
        "parameters": {"n": {"choices": [1, 2, 4], "default": 1, "concept": "x"}},
        "gpus": {"gpu": {"choices": {"n": [1, 2]}}, "gpu-24g": {"defaults": {"n": 2}}},
    }
    file = SpaceFile.model_validate(data)
    assert overlay_on(file, "cpu") is None
    assert overlay_on(file, "gpu-8g") == Overlay(choices={"n": [1, 2]})
    assert overlay_on(file, "rtx-3090") == Overlay(choices={"n": [1, 2]}, defaults={"n": 2})


@pytest.mark.parametrize("engine", ["llama-server", "vllm", "sglang", "omlx", "ds4"])
@pytest.mark.parametrize("everything", [False, True])
def test_every_shipped_space_is_one_on_every_gpu(engine: str, everything: bool) -> None:
    file = shipped_space(engine)
    for profile in shipped_files():
        space = build_space(
            file,
            overlay_on(file, profile),
            SYMBOLS,
            pins={},
            allow_quality_change=everything,
            rolling_state=everything,
            circumstances=("experts", "draft-layers", "draft-model", "too-large")[: 4 * everything],
        )
        settings = to_settings(space, space.defaults)
        assert UNSET not in settings.values()
        assert all(p.default in p.choices for p in space.parameters)
        names = [start.name for start in space.starts]
        assert len(set(names)) == len(names)


WORTH_TUNING = {
    "llama-server": (
        "ctx-size parallel kv-unified kv-unified-per-slot batch-size ubatch-size flash-attn "
        "cache-type-k cache-type-v cache-reuse cache-ram cache-idle-slots ctx-checkpoints "
        "checkpoint-min-step swa-full slot-prompt-similarity n-gpu-layers n-cpu-moe n-cpu-ffn "
        "override-tensor kv-offload op-offload repack no-host split-mode tensor-split threads "
        "threads-batch prio poll numa load-mode lazy-mode spec-type spec-draft-model "
        "spec-draft-ngl spec-draft-type-k spec-draft-type-v spec-draft-n-max spec-draft-n-min "
        "spec-draft-p-min "
        "spec-draft-sampling spec-ngram-mod-n-match spec-ngram-mod-n-min spec-ngram-mod-n-max "
        "spec-ngram-simple-size-n spec-ngram-simple-size-m spec-ngram-simple-min-hits "
        "spec-ngram-map-k-size-n spec-ngram-map-k4v-size-m"
    ),
    "vllm": (
        "max-model-len gpu-memory-utilization kv-cache-memory-bytes max-num-batched-tokens "
        "max-num-seqs enable-prefix-caching block-size kv-cache-dtype quantization "
        "enable-chunked-prefill attention-backend performance-mode optimization-level "
        "enforce-eager async-scheduling stream-interval kv-offloading-size kv-offloading-backend "
        "speculative-config.method speculative-config.num_speculative_tokens "
        "VLLM_CPU_NUM_OF_RESERVED_CPU VLLM_CPU_OMP_THREADS_BIND"
    ),
    "sglang": (
        "mem-fraction-static max-running-requests max-total-tokens chunked-prefill-size "
        "max-prefill-tokens schedule-policy schedule-conservativeness page-size kv-cache-dtype "
        "attention-backend prefill-attention-backend decode-attention-backend context-length "
        "enable-mixed-chunk disable-overlap-schedule num-continuous-decode-steps stream-interval "
        "radix-eviction-policy enable-hierarchical-cache hicache-ratio hicache-size "
        "hicache-write-policy hicache-storage-backend disable-cuda-graph speculative-algorithm "
        "swa-full-tokens-ratio"
    ),
    "omlx": (
        "max-concurrent-requests memory-guard paged-ssd-cache-max-size hot-cache-max-size "
        "hot-cache-write-through initial-cache-blocks scheduler.chunked_prefill "
        "scheduler.prefill_priority scheduler.decode_fairness server.burst_decode_mode"
    ),
    "ds4": (
        "ctx kv-disk-space-mb kv-cache-min-tokens kv-cache-cold-max-tokens "
        "kv-cache-continued-interval-tokens kv-cache-boundary-trim-tokens "
        "kv-cache-boundary-align-tokens kv-cache-reject-different-quant mtp mtp-draft mtp-margin "
        "quality warm-weights threads backend batched-session mixed-prefill-quantum"
    ),
}
"""Settings of each engine, by its own documentation, that change how fast a session is served."""


@pytest.mark.parametrize("engine", sorted(WORTH_TUNING))
def test_every_setting_worth_tuning_is_there(engine: str) -> None:
    assert set(WORTH_TUNING[engine].split()) <= set(shipped_space(engine).parameters)


@pytest.mark.parametrize("engine", sorted(WORTH_TUNING))
def test_the_cache_slots_are_a_group_of_their_own(engine: str) -> None:
    entries = shipped_space(engine).parameters.values()
    slots = [e for e in entries if e.concept == "cache slots"]
    assert len(slots) >= 4
    assert len([e for e in slots if e.searched]) >= 3
