"""What people tuned by hand lies inside the spaces: the published records of club-3090, by card.

A record is inside when every setting is a choice of its parameter on that card, what it sets is
what would be launched, and the engine is not known to refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from autotune.candidate import Setting
from autotune.search.space import Space, is_forbidden, to_settings
from autotune.search.space_build import build_space
from autotune.search.space_file import overlay_on, shipped_space

DRAFTS = frozenset({"draft-layers"})
"""Qwen3.6-27B has layers for multi-token prediction, and recurrent ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One published config. `context` is what it holds, `pins` what the hardware makes of it."""

    name: str
    engine: str
    card: str
    context: int
    settings: Mapping[str, Setting]
    pins: Mapping[str, Setting] = field(default_factory=dict)
    quality: bool = True


LLAMA_MTP: Mapping[str, Setting] = {
    "spec-type": "draft-mtp",
    "spec-draft-n-max": 2,
    "cache-type-k": "q4_0",
    "cache-type-v": "q4_0",
}
TWO_CARDS: Mapping[str, Setting] = {"tensor-parallel-size": 2}
"""How many cards there are is the user's to say."""

RECORDS = [
    Record(
        name="3090, llama.cpp Q4_K_M, MTP n=2, q4_0 KV, 200k",
        engine="llama-server",
        card="rtx-3090",
        context=200_192,
        settings={
            **LLAMA_MTP,
            "batch-size": 4096,
            "ubatch-size": 512,
            "parallel": 1,
            "flash-attn": "on",
            "ctx-size": 200_192,
        },
    ),
    Record(
        name="3090, ik_llama.cpp IQ4_KS, MTP, q4_0 KV, 200k, in llama.cpp's words",
        engine="llama-server",
        card="rtx-3090",
        context=200_192,
        settings={**LLAMA_MTP, "parallel": 1, "ctx-size": 200_192},
    ),
    Record(
        name="3090, vLLM int4, turboquant 3-bit KV, MTP n=3, 180k declared",
        engine="vllm",
        card="rtx-3090",
        context=180_224,
        settings={
            "kv-cache-dtype": "turboquant_3bit_nc",
            "gpu-memory-utilization": 0.95,
            "max-num-seqs": 1,
            "max-num-batched-tokens": 4128,
            "max-model-len": 180_224,
            "speculative-config.method": "mtp",
            "speculative-config.num_speculative_tokens": 3,
        },
    ),
    Record(
        name="3090, the same at its lower share of memory",
        engine="vllm",
        card="rtx-3090",
        context=180_224,
        settings={"gpu-memory-utilization": 0.93, "max-num-seqs": 1},
        quality=False,
    ),
    Record(
        name="4090, ik_llama.cpp two-stage drafts, 160k, in llama.cpp's words",
        engine="llama-server",
        card="rtx-4090",
        context=160_000,
        settings={"spec-type": "ngram-mod,draft-mtp", "parallel": 1, "ctx-size": 160_000},
        quality=False,
    ),
    Record(
        name="2x 3090, vLLM TP=2, fp8 KV, MTP n=3, 262k",
        engine="vllm",
        card="rtx-3090",
        context=262_144,
        pins=TWO_CARDS,
        settings={
            "kv-cache-dtype": "fp8_e5m2",  # what fp8 is on Ampere
            "max-model-len": 262_144,
            "speculative-config.method": "mtp",
            "speculative-config.num_speculative_tokens": 3,
        },
    ),
    Record(
        name="2x 3090, the rival of it that wins warm and loses deep",
        engine="vllm",
        card="rtx-3090",
        context=262_144,
        pins=TWO_CARDS,
        settings={"kv-cache-dtype": "int8_per_token_head", "max-model-len": 262_144},
    ),
    Record(
        name="2x 5090, vLLM TP=2, NVFP4 weights, 262k",
        engine="vllm",
        card="rtx-5090",
        context=262_144,
        pins=TWO_CARDS,
        settings={"quantization": "model", "max-model-len": 262_144},
        quality=False,
    ),
    *[
        Record(
            name=f"K and V of different types on a {card}",
            engine="llama-server",
            card=card,
            context=100_096,
            settings={"cache-type-k": "q8_0", "cache-type-v": "q4_0"},
        )
        for card in ("rtx-3090", "rtx-4090", "rtx-5090", "cpu")
    ],
    Record(
        name="K and V of different types, in vLLM's one word for both",
        engine="vllm",
        card="rtx-4090",
        context=100_096,
        settings={"kv-cache-dtype": "turboquant_k8v4"},
    ),
    Record(
        name="3090 with a projector: half the batch for four times the context",
        engine="llama-server",
        card="rtx-3090",
        context=192_000,
        settings={"ubatch-size": 512, "ctx-size": 192_000, "parallel": 1},
        quality=False,
    ),
]


def space_of(record: Record, *, quality: bool) -> Space:
    file = shipped_space(record.engine)
    symbols: dict[str, Setting] = {
        "context-needed": record.context,
        "context-roomy": 262_144,
        "context-default": 262_144,
        "physical-cores": 16,
        "logical-cores": 32,
        "half-cores": 8,
        "layers": 64,
        "most-layers": 48,
        "half-layers": 32,
        "quarter-layers": 16,
    }
    return build_space(
        file,
        overlay_on(file, record.card),
        symbols,
        pins=record.pins,
        allow_quality_change=quality,
        rolling_state=True,
        circumstances=DRAFTS,
    )


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_published_config_lies_inside_the_space_of_its_card(record: Record) -> None:
    space = space_of(record, quality=record.quality)
    choices = {p.name: p.choices for p in space.parameters}
    choices |= {name: (value,) for name, value in space.fixed.items()}
    outside = {n: v for n, v in record.settings.items() if v not in choices.get(n, ())}
    assert outside == {}
    launched = to_settings(space, {**space.defaults, **record.settings})
    assert {n: launched.get(n) for n in record.settings} == record.settings
    assert {n: launched[n] for n in record.pins} == record.pins
    assert not is_forbidden(space, launched)


@pytest.mark.parametrize(
    "record", [r for r in RECORDS if r.quality], ids=lambda record: record.name
)
def test_what_touches_quality_needs_leave(record: Record) -> None:
    space = space_of(record, quality=False)
    touched = {n for n in record.settings if shipped_space(record.engine).parameters[n].quality}
    assert touched
    assert touched <= set(space.fixed)


def test_four_bits_of_cache_without_flash_attention_are_refused() -> None:
    record = RECORDS[0]
    space = space_of(record, quality=True)
    launched = to_settings(space, {**space.defaults, **record.settings, "flash-attn": "off"})
    assert is_forbidden(space, launched)
