"""llama-server, simulated: which settings make what faster, and what runs out of memory."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.candidate import Setting
from autotune.launchers.failure import FailureKind
from autotune.models.cache_settings import cache_settings
from autotune.simulated.combinations import (
    ADA_EXPERTS,
    COMBINATIONS,
    DESKTOP,
    PROCESSOR,
    RTX_3060,
    RTX_4090,
)
from autotune.simulated.llama import LlamaServer
from autotune.simulated.llama_costs import LlamaCosts
from autotune.simulated.machine import GIB, Rest, card, together
from autotune.simulated.model_shapes import GEMMA_27B, LLAMA_3B, LLAMA_8B, QWEN_30B_A3B
from autotune.simulated.models import simulated_model
from autotune.simulated.prompts import plan_shape
from autotune.simulated.served import Run

from .conftest import agent, plan_of

GPU: dict[str, Setting] = {"n-gpu-layers": "all", "ctx-size": 16_384, "parallel": 1}
AMPERE = COMBINATIONS["3060-llama-8b"].pace
SHAPE = plan_shape(plan_of(agent("a", 4, first=8_000, new=500, reply=100)))


def small() -> LlamaServer:
    return LlamaServer(RTX_3060, simulated_model(LLAMA_8B), AMPERE)


def processor() -> LlamaServer:
    return LlamaServer(DESKTOP, simulated_model(LLAMA_3B), PROCESSOR)


def run(engine: LlamaServer, **settings: Any) -> Run:
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    base = GPU if engine.machine.gpu else {"ctx-size": 16_384, "parallel": 1}
    return engine.run({**base, **named}, SHAPE)


def first_s(found: Run) -> float:
    return sum(turn.first_s for turn in found.turns)


def decode_s(found: Run) -> float:
    return sum(turn.decode_s for turn in found.turns)


def test_every_prompt_is_answered_and_later_ones_reuse_the_first() -> None:
    found = run(small())
    assert found.failure is None
    assert [turn.cached for turn in found.turns] == [0, 8_100, 8_700, 9_300]
    assert [turn.computed for turn in found.turns] == [8_000, 500, 500, 500]
    assert found.turns[0].first_s > 5 * found.turns[1].first_s
    assert found.slots == 1
    assert found.load_s > 1.0


def test_larger_batches_prefill_faster_and_take_more_memory() -> None:
    few, many = run(small(), ubatch_size=64), run(small(), ubatch_size=1024)
    assert first_s(many) < first_s(few)
    assert (many.turns[0].device_bytes or 0) > (few.turns[0].device_bytes or 0)


def test_a_smaller_cache_is_read_faster_at_depth() -> None:
    assert decode_s(run(small(), cache_type_k="q8_0", cache_type_v="q8_0")) < decode_s(run(small()))


def test_without_the_fused_kernel_attention_is_slower() -> None:
    assert first_s(run(small(), flash_attn="off")) > first_s(run(small()))


def test_what_stays_on_the_host_is_slow() -> None:
    usual = run(small())
    assert decode_s(run(small(), kv_offload=False)) > decode_s(usual)
    assert first_s(run(small(), op_offload=False)) == first_s(usual)
    half = run(small(), n_gpu_layers=16)
    assert decode_s(half) > 3 * decode_s(usual)
    assert (half.turns[0].device_bytes or 0) < (usual.turns[0].device_bytes or 0)


def test_experts_on_the_host_leave_the_card_room_and_cost_time() -> None:
    engine = LlamaServer(RTX_4090, simulated_model(QWEN_30B_A3B), ADA_EXPERTS)
    usual, kept = run(engine), run(engine, n_cpu_moe=24)
    assert (kept.turns[0].device_bytes or 0) < (usual.turns[0].device_bytes or 0) - 8 * GIB
    assert decode_s(kept) > decode_s(usual)
    no_copies = run(engine, n_cpu_moe=24, op_offload=False)
    assert first_s(no_copies) != first_s(kept)


def test_drafts_pay_where_text_comes_again() -> None:
    drafted = run(small(), spec_type="ngram-simple", spec_ngram_simple_size_n=3,
                  spec_ngram_simple_size_m=8)  # fmt: skip
    assert decode_s(drafted) < decode_s(run(small()))
    turn = drafted.turns[0]
    assert turn.drafted is not None
    assert turn.accepted is not None
    assert 0 < turn.accepted < turn.drafted
    assert turn.steps + turn.accepted == pytest.approx(99, abs=1)


def test_threads_of_a_processor() -> None:
    half, whole, twice = (run(processor(), threads=n, threads_batch=n) for n in (8, 16, 32))
    assert first_s(whole) < first_s(half)
    assert decode_s(whole) < decode_s(half)
    assert decode_s(twice) > decode_s(whole)
    assert first_s(run(processor(), repack=False)) > first_s(whole)
    assert decode_s(run(processor(), poll=0)) > decode_s(run(processor(), poll=100))


def test_a_slot_that_is_too_short_overflows() -> None:
    found = small().run({**GPU, "ctx-size": 8_192}, SHAPE)
    kinds = [turn.failure.kind if turn.failure else None for turn in found.turns]
    assert kinds == [None, *[FailureKind.CONTEXT_OVERFLOW] * 3]


def test_what_does_not_fit_never_starts() -> None:
    found = small().run({**GPU, "ctx-size": 131_072}, SHAPE)
    assert found.failure is not None
    assert found.failure.kind is FailureKind.OUT_OF_MEMORY
    assert found.turns == ()


def test_what_the_engine_refuses_is_a_bad_flag() -> None:
    for settings in ({"cache-type-k": "q9"}, {"flash-attn": "off", "cache-type-v": "q8_0"}):
        found = small().run({**GPU, **settings}, SHAPE)
        assert found.failure is not None
        assert found.failure.kind is FailureKind.BAD_FLAG


def test_a_config_may_start_and_run_out_of_memory_when_it_is_filled() -> None:
    engine = small()
    tight = dict(GPU, **{"cache-type-k": "q8_0", "cache-type-v": "q8_0"})
    spare = engine.free_bytes(tight, 0)
    assert engine.free_bytes(tight, 8_000) == spare - 8_000 * 8 * (128 + 128) * 2
    full = LlamaServer(engine.machine, engine.model, engine.pace, beside_bytes=spare - 34_000_000)
    found = full.run(tight, SHAPE)
    assert found.failure is None
    kinds = [turn.failure.kind if turn.failure else None for turn in found.turns]
    assert kinds == [None, *[FailureKind.OUT_OF_MEMORY] * 3]
    assert found.turns[3].first_s == 0.0


def test_windows_need_checkpoints_or_their_whole_cache() -> None:
    engine = LlamaServer(RTX_4090, simulated_model(GEMMA_27B), ADA_EXPERTS)
    costs = LlamaCosts(engine.machine, engine.model, engine.pace).roofline(GPU)
    assert costs.window == 1024
    assert costs.window_attend_s > costs.attend_s
    whole, usual = run(engine, swa_full=True), run(engine)
    assert (whole.turns[0].device_bytes or 0) > (usual.turns[0].device_bytes or 0)


def test_settings_are_read_as_the_engine_reads_them() -> None:
    cache = cache_settings(simulated_model(LLAMA_8B).info, {"parallel": 4, "ctx-size": 8192})
    assert cache.slots == 4


def test_a_card_is_what_its_profile_says() -> None:
    assert RTX_3060.bandwidth_bytes_s == 360e9
    assert RTX_3060.memory_bytes == 12 * GIB
    pair = together(RTX_4090, 2)
    assert (pair.bandwidth_bytes_s, pair.cards) == (2 * RTX_4090.bandwidth_bytes_s, 2)
    with pytest.raises(ValueError, match="nobody says how fast gb10"):
        card("gb10")
    assert card("gb10", Rest(flops_s=1e14)).flops_s == 1e14
    with pytest.raises(ValueError, match="says no bandwidth"):
        card("gpu-24g")
