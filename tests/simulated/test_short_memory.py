"""A shortage of memory that a search can learn: upward closed, of the asked share, sparing some."""

from __future__ import annotations

import random

import pytest

from autotune.models.engine_memory import memory_model
from autotune.search.space import Parameter, Space, to_settings
from autotune.simulated.machines import simulated_setup
from autotune.simulated.short_memory import ShortMemory, sample_of, short_memory

MACHINES = ("3060-llama-8b", "2-cores-vllm")


@pytest.mark.parametrize("name", MACHINES)
def test_it_is_over_the_share_and_spares_the_default(name: str) -> None:
    space = simulated_setup(name).space
    default = to_settings(space, space.defaults)
    for seed in range(3):
        made = short_memory(space, 0.4, seed, [default])
        assert made is not None
        assert made.share == pytest.approx(0.4, abs=0.05)
        assert not made.is_short(default)


@pytest.mark.parametrize("name", MACHINES)
def test_what_asks_for_no_less_of_everything_runs_out_too(name: str) -> None:
    space = simulated_setup(name).space
    order = memory_model(space.engine).order
    made = short_memory(space, 0.4, 1)
    assert made is not None
    rows = sample_of(space, random.Random(5), 120)
    short = [row for row in rows if made.is_short(row)]
    assert short
    for row in rows:
        if any(order.more(row, known) is not None for known in short):
            assert made.is_short(row)


def test_the_same_seed_draws_the_same() -> None:
    space = simulated_setup("3060-llama-8b").space
    assert short_memory(space, 0.4, 2) == short_memory(space, 0.4, 2)
    assert short_memory(space, 0.4, 2) != short_memory(space, 0.4, 3)


def test_demands_are_weighted_ranks() -> None:
    made = ShortMemory(
        weights={"ctx-size": 2.0, "cache-type-k": 1.0},
        steps={"ctx-size": (1024.0, 2048.0, 4096.0), "cache-type-k": (0.5, 2.0)},
        sizes={"cache-type-k": {"q4_0": 0.5, "f16": 2.0}},
        limit=1.9,
        share=0.5,
    )
    assert made.asked({"ctx-size": 4096, "cache-type-k": "f16"}) == 3.0
    assert made.asked({"ctx-size": 2048, "cache-type-k": "q4_0"}) == 1.0
    assert made.asked({"cache-type-k": "f16"}) == 1.0  # the engine decides the rest
    assert made.is_short({"ctx-size": 2048, "cache-type-k": "f16"})
    assert not made.is_short({"ctx-size": 1024, "cache-type-k": "f16"})


def test_a_space_without_memory_has_none() -> None:
    space = Space("unknown", (Parameter("threads", (1, 2), 1, "threads"),))
    assert short_memory(space, 0.4, 0) is None
