"""What is refused before a launch, engine by engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hf_folder import write_config

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.models.estimate import GIB, MIB
from autotune.models.metadata import ModelInfo, read_model
from autotune.search.feasibility import (
    Demand,
    Feasibility,
    Limits,
    failure_facts,
    failure_of,
)
from autotune.search.ledger import Entry
from autotune.search.space import Parameter, Space

OOM = FailureKind.OUT_OF_MEMORY


def feasibility(engine: str, model: ModelInfo | None, **limits: int | None) -> Feasibility:
    known: dict[str, Any] = {"device_bytes": None, "host_bytes": None, **limits}
    return Feasibility(
        Space(engine, ()), model, Limits(**known), gpu=known["device_bytes"] is not None
    )


@pytest.fixture
def gguf(fake_model: Path) -> ModelInfo:
    return read_model(fake_model)


@pytest.fixture
def folder(tmp_path: Path) -> ModelInfo:
    """Two layers, 2 KV heads of 8 in 16 bits: 128 bytes a token; weights said to be 1 GiB."""
    return replace(read_model(write_config(tmp_path / "hf")), weights_bytes=GIB)


def refused(checked: Feasibility, settings: Mapping[str, Setting]) -> str:
    failure = checked.refusal(Candidate(settings))
    return "" if failure is None else failure.message


def test_llama_server_against_the_host(gguf: ModelInfo) -> None:
    settings = {"ctx-size": 1024, "parallel": 1}
    need = feasibility("llama-server", gguf).estimate(settings)
    assert need is not None
    assert not refused(feasibility("llama-server", gguf, host_bytes=need.host_bytes), settings)
    short = feasibility("llama-server", gguf, host_bytes=need.host_bytes - 1)
    assert "of host memory" in refused(short, settings)
    both = feasibility("llama-server", gguf, both_bytes=need.host_bytes - 1)
    assert "of shared memory" in refused(both, settings)
    assert not refused(feasibility("llama-server", gguf), settings)
    assert not refused(short, {**settings, "cache-type-k": "what"})  # the engine says so itself


def test_prompts_that_the_workload_leaves_behind_count(gguf: ModelInfo) -> None:
    settings = {"ctx-size": 1024, "parallel": 1}
    plain = feasibility("llama-server", gguf).estimate(settings)
    full = Feasibility(
        Space("llama-server", ()), gguf, Limits(None, None), gpu=False,
        demand=Demand(session_tokens=(1000, 1000), turns=2),
    ).estimate(settings)  # fmt: skip
    assert plain is not None
    assert full is not None
    assert full.host_bytes == plain.host_bytes + full.prompt_cache_bytes
    assert full.prompt_cache_bytes > 0


@pytest.mark.parametrize(
    ("settings", "limits", "words"),
    [
        # 8 GiB x 0.9 = 7.2 are asked for, 7 are free
        (
            {"gpu-memory-utilization": 0.9},
            {"device_bytes": 7 * GIB, "device_total_bytes": 8 * GIB},
            "gpu-memory-utilization 0.9 asks for 7.2 GiB",
        ),
        ({}, {"device_bytes": 8 * GIB, "device_total_bytes": 8 * GIB}, ""),
        # 1.5 GiB less 1 GiB of weights: half a GiB is 4194304 tokens of 128 bytes
        ({"max-model-len": 4194304}, {"device_bytes": 3 * GIB // 2}, ""),
        (
            {"max-model-len": 4194305},
            {"device_bytes": 3 * GIB // 2},
            "4194305 tokens needs 512 MiB",
        ),
        ({"max-model-len": 8388608, "kv-cache-dtype": "fp8"}, {"device_bytes": 3 * GIB // 2}, ""),
        ({"max-model-len": 4096}, {"device_bytes": GIB}, "at most 0 MiB are left"),
        ({"max-model-len": "auto"}, {"device_bytes": GIB}, "one request of 4096 tokens"),
        ({"max-model-len": -1, "block-size": "auto"}, {"device_bytes": GIB}, "of 4096 tokens"),
        ({"max-model-len": 4096}, {"host_bytes": GIB}, "at most 0 MiB are left"),
        ({"max-model-len": 4096}, {}, ""),
        ({"max-model-len": 9000, "kv-cache-memory-bytes": 2 * MIB}, {}, ""),
        (
            {"max-model-len": 20000, "kv-cache-memory-bytes": 2 * MIB},
            {},
            "needs 2 MiB of KV cache, at most 2 MiB",
        ),
        ({"max-model-len": 9 * 2**20, "VLLM_CPU_KVCACHE_SPACE": 1}, {}, "at most 1.0 GiB are left"),
        ({"max-model-len": "long"}, {"device_bytes": GIB}, ""),
        ({"max-model-len": 4096, "kv-cache-dtype": "turboquant_3bit_nc"}, {"device_bytes": 1}, ""),
    ],
)
def test_vllm_has_to_hold_one_request(
    folder: ModelInfo, settings: dict[str, Setting], limits: dict[str, int], words: str
) -> None:
    message = refused(feasibility("vllm", folder, **limits), settings)
    assert words in message if words else not message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"context-length": 4096}, ""),
        ({"context-length": 4194305, "mem-fraction-static": "auto"}, "at most 512 MiB are left"),
        ({"context-length": 4194304, "mem-fraction-static": 1.0}, ""),
        ({"context-length": 4194304, "mem-fraction-static": 0.9}, "at most 358 MiB are left"),
        ({"context-length": 4096, "max-total-tokens": 4000}, "less than one request"),
        ({"context-length": 4096, "max-total-tokens": 4096}, ""),
    ],
)
def test_sglang_has_to_hold_one_request(
    folder: ModelInfo, settings: dict[str, Setting], words: str
) -> None:
    message = refused(feasibility("sglang", folder, device_bytes=3 * GIB // 2), settings)
    assert words in message if words else not message


def test_nothing_is_known_of_an_engine_of_ones_own(gguf: ModelInfo) -> None:
    checked = feasibility("mine", gguf, host_bytes=1, device_bytes=1)
    assert checked.estimate({}) is None
    assert not refused(checked, {"ctx-size": 10**9})
    assert not refused(feasibility("llama-server", None, host_bytes=1), {})


def test_a_bound_that_the_engine_named_holds_for_its_like() -> None:
    checked = feasibility("vllm", None)
    asked = {"max-model-len": 65536, "max-num-seqs": 8, "stream-interval": 1}
    checked.learn(Candidate(asked), Failure(OOM, "no room", bound={"max-model-len": 30000}))
    above = {**asked, "max-model-len": 32768, "stream-interval": 4}
    assert "max-model-len above 30000" in refused(checked, above)
    assert not refused(checked, {**asked, "max-model-len": 30000})
    assert not refused(checked, {**above, "max-num-seqs": 4})
    assert refused(checked, {**above, "max-num-seqs": 16})
    assert not refused(checked, {**above, "kv-cache-dtype": "fp8"})


def test_other_failures_teach_nothing_of_memory() -> None:
    checked = feasibility("vllm", None)
    checked.learn(Candidate({}), Failure(FailureKind.CRASH, "died", bound={"max-model-len": 1}))
    checked.learn(Candidate({}), None)
    assert not refused(checked, {"max-model-len": 2})


def test_the_deepest_turn_has_to_have_room_in_one_session() -> None:
    space = Space("llama-server", ())
    checked = Feasibility(
        space, None, Limits(None, None), gpu=False, demand=Demand((3000, 5000), turns=4)
    )
    for settings in ({"ctx-size": 10000, "parallel": 2}, {"ctx-size": 5000}, {"ctx-size": 0}):
        assert not refused(checked, settings)
    short = {"ctx-size": 9998, "parallel": 2}
    found = checked.refusal(Candidate(short))
    assert found is not None
    assert found.kind is FailureKind.CONTEXT_OVERFLOW
    words = "a session has room for 4999 tokens, the deepest turn with its reply has 5000"
    assert found.message == words
    assert checked.unlaunchable(Candidate(short)) is None
    assert not refused(checked, {**short, "kv-unified": True})


OWN = Space(
    "mine",
    (
        Parameter("window", (1, 2, 4), 1, "context length", ordered=True),
        Parameter("kind", ("a", "b"), "a", "quantization"),
        Parameter("draft", ("none", "ngram"), "none", "speculation"),
        Parameter("draft-n", (4, 8), 4, "speculation", requires={"draft": ("ngram",)}),
        Parameter("workers", (1, 2), 1, "threads", ordered=True),
    ),
)


def test_of_an_engine_of_ones_own_the_concepts_say_what_grows() -> None:
    checked = Feasibility(OWN, None, Limits(None, None), gpu=False)
    base: dict[str, Setting] = {"window": 2, "kind": "a", "draft": "none", "workers": 1}
    checked.learn(Candidate(base), Failure(OOM, "no room"), 3)
    assert "than trial 3" in refused(checked, {**base, "window": 4, "workers": 2})
    assert "than trial 3" in refused(checked, {**base, "draft": "ngram", "draft-n": 8})
    assert not refused(checked, {**base, "window": 1})
    assert not refused(checked, {**base, "kind": "b"})


def test_a_study_that_goes_on_learns_the_same_again() -> None:
    def entry(number: int, outcome: str, failure: str | None, **settings: Setting) -> Entry:
        facts = failure_facts(Failure(OOM, "no room", "std::bad_alloc", {"window": 2}))
        return Entry(
            number, Candidate(settings).key, outcome, None, "", settings, {}, {}, 1.0, failure,
            "no room", failure_facts=facts if failure else {},
        )  # fmt: skip

    base: dict[str, Setting] = {"window": 4, "kind": "a", "draft": "none", "workers": 1}
    rows = [
        entry(0, "complete", None, **{**base, "window": 1}),
        entry(1, "infeasible", "out-of-memory", **base),
        entry(2, "infeasible", "no-metric", **{**base, "kind": "b"}),
        entry(3, "refused", "out-of-memory", **{**base, "kind": "b"}),
    ]
    checked = Feasibility(OWN, None, Limits(None, None), gpu=False)
    for _ in range(2):
        checked.relearn(rows)
        assert "than trial 1" in refused(checked, base)
        assert "window above 2" in refused(checked, {**base, "window": 3})
        assert not refused(checked, {**base, "kind": "b"})
    known = failure_of(rows[1])
    assert known is not None
    assert (known.kind, known.bound, known.evidence) == (OOM, {"window": 2}, "std::bad_alloc")
    assert failure_of(rows[0]) is failure_of(rows[2]) is None
