"""Which configs a memory failure speaks of, and which it does not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Setting
from autotune.models.engine_memory import memory_model
from autotune.models.memory_order import MemoryOrder, Side

LLAMA = memory_model("llama-server").order
BASE: dict[str, Setting] = {
    "ctx-size": 32768, "parallel": 2, "ubatch-size": 512, "cache-type-k": "q8_0",
    "n-gpu-layers": 20, "cache-ram": 2048, "threads": 4, "spec-type": "none",
}  # fmt: skip


def more(changes: Mapping[str, Setting], side: Side = Side.UNKNOWN) -> tuple[str, ...] | None:
    return LLAMA.more({**BASE, **changes}, BASE, side)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ()),
        ({"ctx-size": 65536}, ("ctx-size",)),
        ({"ctx-size": 65536, "parallel": 4}, ("ctx-size", "parallel")),
        ({"ctx-size": 16384}, None),
        ({"ctx-size": 65536, "parallel": 1}, None),
        ({"ctx-size": 0}, None),  # the model's own: not known here
        ({"cache-type-k": "f16"}, ("cache-type-k",)),
        ({"cache-type-k": "q4_0"}, None),
        ({"cache-type-k": "what"}, None),
        ({"threads": 1}, ()),
        ({"cache-ram": 8192}, ("cache-ram",)),
        ({"cache-ram": -1}, ("cache-ram",)),
        ({"cache-ram": 0}, None),
        ({"n-gpu-layers": 30}, None),  # more of the GPU, less of the host
        ({"spec-type": "ngram-mod", "spec-ngram-mod-n-max": 64}, ()),
        ({"flash-attn": "off"}, None),
    ],
)
def test_what_asks_for_at_least_as_much(
    changes: dict[str, Setting], found: tuple[str, ...] | None
) -> None:
    assert more(changes) == found


def test_layers_count_for_the_side_that_ran_out() -> None:
    assert more({"n-gpu-layers": 30}, Side.DEVICE) == ("n-gpu-layers",)
    assert more({"n-gpu-layers": "all"}, Side.DEVICE) == ("n-gpu-layers",)
    assert more({"n-gpu-layers": 10}, Side.DEVICE) is None
    assert more({"n-gpu-layers": "auto"}, Side.DEVICE) is None
    assert more({"n-gpu-layers": 10}, Side.HOST) == ("n-gpu-layers",)
    assert more({"n-gpu-layers": 30}, Side.HOST) is None
    assert more({"cache-ram": 0}, Side.DEVICE) == ()


def test_a_part_that_is_on_is_compared() -> None:
    drafting = {**BASE, "spec-type": "ngram-mod", "spec-ngram-mod-n-max": 64}
    assert LLAMA.more(BASE, drafting) is None
    assert LLAMA.more({**drafting, "ctx-size": 65536}, drafting) == ("ctx-size",)


VALUES = st.fixed_dictionaries(
    {"a": st.integers(1, 4), "b": st.integers(1, 4), "w": st.sampled_from(["s", "m", "l"])}
)


@given(VALUES, VALUES, VALUES)
def test_it_is_an_order(
    one: dict[str, Setting], two: dict[str, Setting], three: dict[str, Setting]
) -> None:
    order = MemoryOrder(grows=("a", "b"), sizes={"w": {"s": 1.0, "m": 2.0, "l": 3.0}})
    assert order.more(one, one) == ()
    if order.more(one, two) is not None and order.more(two, three) is not None:
        assert order.more(one, three) is not None
    if order.more(one, two) is not None and order.more(two, one) is not None:
        assert one == two
