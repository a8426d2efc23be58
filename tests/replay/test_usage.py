"""Counts: where each engine reports them, and what stays absent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autotune.replay.assembly import Assembly, assemble
from autotune.replay.sse import SseEvent
from autotune.replay.usage import Counts, counts_of


def counts(path: str | None = None, **last_chunk: Any) -> Counts:
    whole = assemble([SseEvent(1.0, json.dumps({"choices": [], **last_chunk}))])
    return counts_of(whole, path)


def test_llama_server() -> None:
    found = counts(
        usage={
            "prompt_tokens": 436,
            "completion_tokens": 24,
            "prompt_tokens_details": {"cached_tokens": 431},
        },
        timings={
            "cache_n": 431,
            "prompt_n": 5,
            "prompt_ms": 250.0,
            "predicted_n": 24,
            "predicted_ms": 1500.0,
            "draft_n": 26,
            "draft_n_accepted": 18,
        },
    )
    assert found == Counts(436, 431, 5, 24, 0.25, 1.5, 26, 18)


def test_timings_alone_are_enough() -> None:
    found = counts(timings={"cache_n": 431, "prompt_n": 5, "predicted_n": 24})
    assert (found.depth_tokens, found.cached_tokens, found.output_tokens) == (436, 431, 24)


def test_openai_computes_the_difference() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    found = counts(usage=usage)
    assert (found.cached_tokens, found.computed_tokens) == (64, 36)
    assert found.server_prefill_s is None


def test_null_details_are_absent_and_zero_is_zero() -> None:
    silent = counts(usage={"prompt_tokens": 100, "prompt_tokens_details": None})
    assert (silent.cached_tokens, silent.computed_tokens) == (None, None)
    cold = counts(usage={"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 0}})
    assert (cold.cached_tokens, cold.computed_tokens) == (0, 100)


def test_nothing_reported_is_all_absent() -> None:
    assert counts() == Counts(None, None, None, None, None, None, None, None)


def test_a_path_says_where_cached_tokens_are() -> None:
    usage = {"prompt_tokens": 100, "mine": {"hit": 40}}
    assert counts("usage.mine.hit", usage=usage).cached_tokens == 40
    assert counts("usage.other.hit", usage=usage).cached_tokens is None


def test_other_engines_own_timings() -> None:
    vllm = counts(usage={"prompt_tokens": 1}, metrics={"time_to_first_token_ms": 80})
    assert vllm.server_prefill_s == 0.08
    omlx = counts(usage={"prompt_eval_duration": 1.5, "generation_duration": 2})
    assert (omlx.server_prefill_s, omlx.server_decode_s) == (1.5, 2.0)


def test_paths_say_where_the_engines_own_times_are() -> None:
    paths = {"prefill": ("usage.mine.read_us", 1e-6), "decode": ("usage.mine.wrote", 1.0)}
    told = Assembly(final={"usage": {"mine": {"read_us": 1500, "wrote": 2}}, "timings": {}})
    found = counts_of(told, None, paths)
    assert found.server_prefill_s == pytest.approx(0.0015)
    assert found.server_decode_s == 2.0


def test_a_path_that_leads_nowhere_is_not_replaced_by_the_usual_place() -> None:
    told = Assembly(timings={"prompt_ms": 80}, final={"timings": {"prompt_ms": 80}})
    assert counts_of(told, None).server_prefill_s == 0.08
    assert counts_of(told, None, {"prefill": ("mine.ms", 1e-3)}).server_prefill_s is None
    assert counts_of(told, None, {"decode": ("mine.ms", 1e-3)}).server_prefill_s == 0.08


def test_numbers_outside_of_usage_can_be_pointed_at() -> None:
    """Every object and number of the last chunks is there, a zero too."""
    chunks = ['{"created": 7, "reused": 0, "x": {"hit": 4}}', '{"usage": {}, "x": {}, "m": "t"}']
    events = [SseEvent(at_s=1.0, data=data) for data in chunks]
    told = assemble(events)
    assert told.final == {"created": 7, "reused": 0, "x": {"hit": 4}}
    assert counts_of(told, "reused").cached_tokens == 0
    assert counts_of(told, "x.hit").cached_tokens == 4


def test_reasoning_that_is_counted_and_not_sent_is_not_shown_text() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 100,
        "completion_tokens_details": {"reasoning_tokens": 90},
    }
    found = counts(usage=usage)
    assert (found.output_tokens, found.hidden_tokens, found.shown_tokens) == (100, 90, 10)
    assert counts(usage={"completion_tokens": 7}).shown_tokens == 7
