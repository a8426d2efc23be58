"""Which changes of a config are taken back by themselves, and which together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landscape import landscape

from autotune.candidate import Setting
from autotune.search.change_groups import changed_names, groups_of, taken_back, without_all
from autotune.search.space import Parameter, Space, to_settings
from autotune.search.suggest import active_values

SPACE = Space(
    "e",
    (
        Parameter("batch", (1024, 2048, 4096), 2048, "batch size", ordered=True),
        Parameter("ubatch", (512, 4096), 512, "batch size", at_most="batch"),
        Parameter("parallel", (1, 2), 1, "cache slots", ordered=True),
        Parameter("ctx", (1000, 2000), 1000, "context length", per_slot_of="parallel"),
        Parameter("unified", (True, False), False, "cache slots", requires={"parallel": (2,)}),
        Parameter("cache-type-k", ("f16", "q8_0"), "f16", "quantization"),
        Parameter("cache-type-v", ("f16", "q8_0"), "f16", "quantization"),
        Parameter("flash", ("on", "off"), "off", "flash attention"),
        Parameter("drafts", ("none", "a"), "none", "speculation"),
        Parameter("draft-n", (4, 8), 8, "speculation", requires={"drafts": ("a",)}),
    ),
    forbidden=({"cache-type-v": ("q8_0",), "flash": ("off",)},),
)


def names(**values: Setting) -> list[str]:
    wanted = {k.replace("_", "-"): v for k, v in values.items()}
    return [g.name for g in groups_of(SPACE, active_values(SPACE, wanted))]


def test_changes_stand_alone_where_nothing_binds_them() -> None:
    assert names() == []
    assert names(batch=1024, flash="on") == ["batch", "flash"]


def test_a_flag_and_what_applies_only_with_it_are_one() -> None:
    assert names(drafts="a", draft_n=4, flash="on") == ["flash", "drafts, draft-n"]
    assert names(drafts="a") == ["drafts"]


def test_a_bound_that_binds_joins_and_one_that_does_not_does_not() -> None:
    """Without the batch of 4096 a ubatch of 4096 would be cut to 2048: another change as well."""
    assert names(batch=4096, ubatch=4096) == ["batch, ubatch"]
    assert names(batch=1024, ubatch=512) == ["batch"]


def test_context_per_slot_is_a_change_of_its_own() -> None:
    """Fewer slots take less context in all, and each has as much as before."""
    assert names(parallel=2, ctx=2000) == ["parallel", "ctx"]
    assert names(parallel=2, unified=True) == ["parallel, unified"]


def test_what_the_engine_refuses_alone_and_the_halves_of_a_choice_are_one() -> None:
    assert names(cache_type_v="q8_0", flash="on") == ["cache-type-v, flash"]
    assert names(cache_type_k="q8_0", cache_type_v="q8_0", flash="on") == [
        "cache-type-k, cache-type-v, flash"
    ]


def test_a_group_says_what_it_was_and_is() -> None:
    values = active_values(SPACE, {"drafts": "a", "draft-n": 4, "parallel": 2})
    slots, drafts = groups_of(SPACE, values)
    assert slots.to_json() == {
        "name": "parallel", "before": 1, "after": 2, "settings": {"parallel": [1, 2]},
    }  # fmt: skip
    assert drafts.to_json()["before"] == "none, left out"
    assert drafts.to_json()["settings"] == {"drafts": ["none", "a"], "draft-n": [None, 4]}
    assert dict(drafts.without) == active_values(SPACE, {"parallel": 2})
    assert to_settings(SPACE, drafts.without)["ctx"] == 2000


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 30), picks=st.lists(st.integers(0, 10**6), min_size=16, max_size=16))
def test_groups_part_the_changes_and_all_of_them_taken_back_is_the_default(
    seed: int, picks: list[int]
) -> None:
    space = landscape(seed).space
    pairs = zip(space.parameters, picks, strict=True)
    values = active_values(space, {p.name: p.choices[n % len(p.choices)] for p, n in pairs})
    groups = groups_of(space, values)
    every = [name for group in groups for name in group.names]
    assert sorted(every) == sorted(changed_names(space, values))
    assert without_all(space, values, groups) == active_values(space, {})
    for group in groups:
        assert set(changed_names(space, group.without)) == set(every) - set(group.names)
        # Taking it back once more changes nothing.
        assert taken_back(space, group.without, group.names) == group.without


def test_a_flag_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError):
        taken_back(SPACE, {}, ["nothing"])
