"""Spaces: conditions, relations and what a candidate really asks for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.search.space import Parameter, Space, holds, is_forbidden, to_settings

BATCH = Parameter("batch-size", (256, 2048), 2048, "batch size", ordered=True)
UBATCH = Parameter("ubatch-size", (128, 512), 512, "batch size", ordered=True, at_most="batch-size")
SLOTS = Parameter("parallel", (1, 4), 4, "cache slots", ordered=True)
UNIFIED = Parameter("kv-unified", (True, False), True, "cache slots", requires={"parallel": (4,)})
CONTEXT = Parameter(
    "ctx-size",
    (1024, 4096),
    4096,
    "context length",
    ordered=True,
    per_slot_of="parallel",
    shared_when={"kv-unified": (True,)},
)
SPACE = Space(
    "e",
    (BATCH, UBATCH, SLOTS, CONTEXT, UNIFIED),
    forbidden=({"flash-attn": ("off",), "cache-type-v": ("q8_0",)},),
    fixed={"swa-full": False},
)


def test_the_defaults_are_the_defaults() -> None:
    assert to_settings(SPACE, SPACE.defaults) == {
        "swa-full": False,
        "batch-size": 2048,
        "ubatch-size": 512,
        "parallel": 4,
        "kv-unified": True,
        "ctx-size": 4096,
    }


def test_a_value_above_its_bound_is_lowered_to_it() -> None:
    got = to_settings(SPACE, {**SPACE.defaults, "batch-size": 256})
    assert got["ubatch-size"] == 256


def test_a_value_below_its_bound_is_raised_while_the_condition_holds() -> None:
    switch = Parameter("chunked", (True, False), True, "batch size")
    step = Parameter(
        "step",
        (512, 2048),
        512,
        "batch size",
        ordered=True,
        at_least="context",
        at_least_when={"chunked": (False,)},
    )
    context = Parameter("context", (1024, 4096), 1024, "context length", ordered=True)
    space = Space("e", (switch, step, context))
    assert to_settings(space, {**space.defaults, "chunked": True})["step"] == 512
    assert to_settings(space, {**space.defaults, "chunked": False})["step"] == 1024
    values = {"chunked": False, "step": 2048, "context": 1024}
    assert to_settings(space, values)["step"] == 2048


def test_context_is_multiplied_unless_the_slots_share_it() -> None:
    apart = to_settings(SPACE, {**SPACE.defaults, "kv-unified": False})
    assert apart["ctx-size"] == 4 * 4096
    one = to_settings(SPACE, {**SPACE.defaults, "parallel": 1})
    assert one["ctx-size"] == 4096
    assert "kv-unified" not in one


def test_a_condition_that_does_not_hold_leaves_the_flag_out() -> None:
    assert not holds({"a": (1,)}, {})
    assert holds({"a": (1, 2)}, {"a": 2})


def test_a_refused_combination_is_known() -> None:
    assert is_forbidden(SPACE, {"flash-attn": "off", "cache-type-v": "q8_0"})
    assert not is_forbidden(SPACE, {"flash-attn": "on", "cache-type-v": "q8_0"})


def test_the_digest_follows_the_content() -> None:
    same = Space("e", SPACE.parameters, SPACE.forbidden, fixed={"swa-full": False})
    assert same.digest == SPACE.digest
    assert Space("e", SPACE.parameters[:-1], SPACE.forbidden).digest != SPACE.digest


@settings(max_examples=50, deadline=None)
@given(
    st.fixed_dictionaries(
        {p.name: st.sampled_from(p.choices) for p in SPACE.parameters},
    )
)
def test_no_choice_breaks_a_relation(values: dict[str, int | bool]) -> None:
    got = to_settings(SPACE, values)
    assert int(got["ubatch-size"]) <= int(got["batch-size"])
    slots = int(got["parallel"])
    shared = bool(got.get("kv-unified", False)) or slots == 1
    assert int(got["ctx-size"]) == int(values["ctx-size"]) * (1 if shared else slots)
