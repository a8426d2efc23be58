"""vLLM, simulated."""

from __future__ import annotations

from typing import Any

from autotune.candidate import Setting
from autotune.launchers.failure import FailureKind
from autotune.simulated.combinations import (
    H100,
    ONE_3090_VLLM,
    TWO_CORES,
    TWO_CORES_VLLM,
    VLLM_HOPPER,
)
from autotune.simulated.model_shapes import QWEN_32B_FP8, RANDOM_LLAMA_HF
from autotune.simulated.models import simulated_model
from autotune.simulated.prompts import plan_shape
from autotune.simulated.served import Run
from autotune.simulated.vllm import Troubles, Vllm
from autotune.simulated.vllm_costs import VllmCosts

from .conftest import agent, plan_of

SHAPE = plan_shape(plan_of(agent("a", 5, first=8_000, new=4_000, reply=100)))
BASE: dict[str, Setting] = {"max-model-len": 32_768, "max-num-seqs": 8}


def hopper() -> Vllm:
    return Vllm(H100, simulated_model(QWEN_32B_FP8), VLLM_HOPPER, fp8=True)


def run(engine: Vllm, **settings: Any) -> Run:
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    return engine.run({**BASE, **named}, SHAPE)


def first_s(found: Run) -> float:
    return sum(turn.first_s for turn in found.turns)


def decode_s(found: Run) -> float:
    return sum(turn.decode_s for turn in found.turns)


def test_whole_blocks_of_the_turn_before_are_reused() -> None:
    assert [turn.cached for turn in run(hopper()).turns][:3] == [0, 8_096, 12_192]
    assert [turn.cached for turn in run(hopper(), block_size=64).turns][:3] == [0, 8_064, 12_160]
    assert {t.cached for t in run(hopper(), enable_prefix_caching=False).turns} == {0}


def test_larger_steps_prefill_faster_and_leave_the_pool_less() -> None:
    engine = hopper()
    assert first_s(run(engine, max_num_batched_tokens=8192)) < first_s(
        run(engine, max_num_batched_tokens=512)
    )
    costs = VllmCosts(engine.machine, engine.model, engine.pace, fp8=True)
    small, large = ({"max-num-batched-tokens": n} for n in (512, 16_384))
    assert engine.pool_bytes(small, costs) > engine.pool_bytes(large, costs)
    chunkless = {"enable-chunked-prefill": False, "max-model-len": 32_768}
    assert engine.pool_bytes(chunkless, costs) < engine.pool_bytes(large, costs)


def test_a_pool_that_cannot_hold_one_request_says_how_much_it_holds() -> None:
    found = hopper().run({"max-model-len": 10_000_000}, SHAPE)
    assert found.failure is not None
    assert found.failure.kind is FailureKind.OUT_OF_MEMORY
    assert 100_000 < found.failure.bound["max-model-len"] < 1_000_000
    assert found.load_s > 30


def test_fewer_sequences_start_sooner() -> None:
    assert run(hopper(), max_num_seqs=8).load_s < run(hopper(), max_num_seqs=256).load_s


def test_a_smaller_cache_is_read_faster_and_holds_more() -> None:
    engine = hopper()
    costs = VllmCosts(engine.machine, engine.model, engine.pace, fp8=True)
    assert costs.token_bytes({}) == 64 * 8 * 256 * 2
    assert costs.token_bytes({"kv-cache-dtype": "fp8"}) == costs.token_bytes({}) / 2
    assert costs.token_bytes({"kv-cache-dtype": "turboquant_3bit_nc"}) == 64 * 8 * 256 * 7 / 16
    assert decode_s(run(engine, kv_cache_dtype="fp8")) < decode_s(run(engine))


def test_what_a_step_loses() -> None:
    usual = decode_s(run(hopper()))
    assert decode_s(run(hopper(), performance_mode="interactivity")) < usual
    assert decode_s(run(hopper(), async_scheduling=False)) > usual
    assert decode_s(run(hopper(), attention_backend="TRITON_ATTN")) > usual


def test_drafts() -> None:
    ngram = {"speculative_config.method": "ngram", "speculative_config.prompt_lookup_max": 3,
             "speculative_config.prompt_lookup_min": 2}  # fmt: skip
    named: dict[str, Setting] = {name.replace("_", "-"): value for name, value in ngram.items()}
    drafted = hopper().run({**BASE, **named}, SHAPE)
    assert decode_s(drafted) < decode_s(run(hopper()))
    assert (drafted.turns[0].drafted or 0) > (drafted.turns[0].accepted or 0) > 0
    heads = hopper().run({**BASE, "speculative-config.method": "mtp"}, SHAPE)
    assert heads.turns[0].steps < 60


def test_the_second_tier_costs_a_copy_instead_of_a_prefill() -> None:
    turns = [t for pair in zip(agent("a", 3, first=8_000), agent("b", 3, first=8_000), strict=True)
             for t in pair]  # fmt: skip
    shape = plan_shape(plan_of(turns))
    engine = hopper()
    costs = VllmCosts(engine.machine, engine.model, engine.pace, fp8=True)
    narrow = {"max-model-len": 9_000, "gpu-memory-utilization": 0.455}
    assert 9_000 < engine.pool_bytes(narrow, costs) / costs.token_bytes(narrow) < 14_000
    alone, kept = engine.run(narrow, shape), engine.run({**narrow, "kv-offloading-size": 16}, shape)
    assert alone.turns[2].cached < kept.turns[2].cached
    assert kept.turns[2].moved_s > 0.0
    assert first_s(kept) < first_s(alone)


def test_a_request_beyond_the_longest_overflows() -> None:
    found = hopper().run({**BASE, "max-model-len": 9_000}, SHAPE)
    kinds = [turn.failure.kind if turn.failure else None for turn in found.turns]
    assert kinds == [None, *[FailureKind.CONTEXT_OVERFLOW] * 4]


def test_hits_that_save_nothing_are_reported_all_the_same() -> None:
    engine = Vllm(H100, simulated_model(QWEN_32B_FP8), VLLM_HOPPER, True,
                  Troubles(useless_hits=True, spare_bytes=1.0))  # fmt: skip
    found, usual = run(engine), run(hopper())
    assert [t.cached for t in found.turns] == [t.cached for t in usual.turns]
    # As long as nothing was reused: linear in what has accumulated.
    assert found.turns[4].first_s > 2.5 * found.turns[0].first_s
    assert usual.turns[4].first_s < usual.turns[0].first_s


def test_agents_on_one_3090_die_by_accumulation() -> None:
    combination = ONE_3090_VLLM
    engine = Vllm(combination.machine, simulated_model(combination.shape), combination.pace,
                  fp8=False, troubles=combination.troubles)  # fmt: skip
    settings: dict[str, Setting] = {"max-model-len": 65_536, "max-num-seqs": 1,
                                    "kv-cache-dtype": "fp8_e5m2"}  # fmt: skip
    grows = plan_shape(plan_of(agent("a", 8, first=8_000, new=3_800, reply=100)))
    failed = [turn.failure is not None for turn in engine.run(settings, grows).turns]
    assert failed.index(True) == 4
    assert 21_000 < grows.prompts[4].tokens < 26_000
    at_once = [_at_once(engine, settings, tokens) for tokens in (40_000, 60_000)]
    assert at_once == [None, FailureKind.OUT_OF_MEMORY]


def _at_once(engine: Vllm, settings: dict[str, Setting], tokens: int) -> FailureKind | None:
    (turn,) = engine.run(settings, plan_shape(plan_of(agent("a", 1, first=tokens)))).turns
    return None if turn.failure is None else turn.failure.kind


def test_cores_of_a_processor_that_are_left_to_the_scheduler() -> None:
    engine = Vllm(TWO_CORES, simulated_model(RANDOM_LLAMA_HF), TWO_CORES_VLLM, fp8=False)
    named = [engine.run({**BASE, "VLLM_CPU_NUM_OF_RESERVED_CPU": n}, SHAPE) for n in (1, 0)]
    assert first_s(named[1]) < first_s(named[0])
    assert named[0].turns[1].cached == 8_100 // 128 * 128
