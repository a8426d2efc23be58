"""What counts as the same setting, by the roundings of llama.cpp worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Setting
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.settings_check import differences, require_same

Settings = dict[str, Setting]


@pytest.mark.parametrize(
    ("asked", "effective"),
    [
        # 1000 / 3 slots = 333, padded to 512, times 3
        ({"ctx-size": 1000}, {"ctx-size": 1536, "parallel": 3, "kv-unified": False}),
        # 2000 padded to 2048, / 3 = 682, padded to 768, times 3
        ({"ctx-size": 2000}, {"ctx-size": 2304, "parallel": 3, "kv-unified": False}),
        # one pool: padded once, 99999 -> 391 * 256
        ({"ctx-size": 99999}, {"ctx-size": 100096, "parallel": 4, "kv-unified": True}),
        ({"ctx-size": 4096, "parallel": 4}, {"ctx-size": 4096, "kv-unified": False}),
        ({"ctx-size": 0}, {"ctx-size": 8192}),
        # a batch is no larger than the context, a physical batch no larger than the batch
        ({"batch-size": 4096, "ctx-size": 1000}, {"batch-size": 1000, "ctx-size": 1024}),
        ({"batch-size": 2048, "ctx-size": 512}, {"batch-size": 512, "ctx-size": 512}),
        ({"ubatch-size": 3000}, {"ubatch-size": 1000, "batch-size": 1000}),
        ({"flash-attn": "auto"}, {"flash-attn": "on"}),
        ({"flash-attn": "on"}, {"flash-attn": True}),
        ({"load-mode": "auto"}, {"load-mode": "mmap"}),
        ({"n-gpu-layers": "all"}, {"n-gpu-layers": 31}),
        ({"n-gpu-layers": 99}, {"n-gpu-layers": 31}),
        ({"slot-prompt-similarity": 0.2}, {"slot-prompt-similarity": 0.20000000298023224}),
        ({"spec-type": "ngram-mod,ngram-simple"}, {"spec-type": "ngram-simple,ngram-mod"}),
        ({"cache-idle-slots": True, "cache-ram": 0}, {"cache-idle-slots": False, "cache-ram": 0}),
        ({"swa-full": True}, {"swa-full": False}),
        ({"parallel": -1}, {"parallel": 4}),
        ({"poll": 50}, {}),
    ],
)
def test_documented_roundings_are_no_difference(asked: Settings, effective: Settings) -> None:
    assert differences(asked, effective) == ()


@pytest.mark.parametrize(
    ("asked", "effective", "line"),
    [
        ({"ctx-size": 4096}, {"ctx-size": 2048}, "ctx-size: asked 4096, runs with 2048"),
        (
            {"ctx-size": 1000},
            {"ctx-size": 1024, "parallel": 3, "kv-unified": False},
            "ctx-size: asked 1000, runs with 1024",
        ),
        (
            {"batch-size": 2048, "ctx-size": 8192},
            {"batch-size": 512, "ctx-size": 8192},
            "batch-size: asked 2048, runs with 512",
        ),
        (
            {"ubatch-size": 512},
            {"ubatch-size": 256, "batch-size": 2048},
            "ubatch-size: asked 512, runs with 256",
        ),
        ({"flash-attn": "on"}, {"flash-attn": "off"}, "flash-attn: asked on, runs with off"),
        (
            {"cache-type-k": "q8_0"},
            {"cache-type-k": "f16"},
            "cache-type-k: asked q8_0, runs with f16",
        ),
        (
            {"spec-type": "ngram-mod"},
            {"spec-type": "none"},
            "spec-type: asked ngram-mod, runs with none",
        ),
        ({"n-gpu-layers": 10}, {"n-gpu-layers": 31}, "n-gpu-layers: asked 10, runs with 31"),
        (
            {"cache-idle-slots": True},
            {"cache-idle-slots": False, "cache-ram": 8192},
            "cache-idle-slots: asked True, runs with False",
        ),
        ({"swa-full": False}, {"swa-full": True}, "swa-full: asked False, runs with True"),
    ],
)
def test_anything_else_is(asked: Settings, effective: Settings, line: str) -> None:
    assert differences(asked, effective) == (line,)


def test_all_differences_are_named_at_once() -> None:
    asked: Settings = {"threads": 4, "poll": 0}
    with pytest.raises(TrialError) as caught:
        require_same(asked, {"threads": 2, "poll": 50})
    assert caught.value.failure.kind is FailureKind.SETTINGS_DIFFER
    assert caught.value.failure.message == (
        "threads: asked 4, runs with 2; poll: asked 0, runs with 50"
    )


settings = st.dictionaries(
    st.sampled_from(["ctx-size", "batch-size", "ubatch-size", "poll", "flash-attn", "swa-full"]),
    st.one_of(st.booleans(), st.integers(0, 10**6), st.sampled_from(["on", "off"])),
)


@given(settings)
def test_what_was_asked_agrees_with_itself(asked: Settings) -> None:
    assert differences(asked, asked) == ()


@given(st.integers(1, 200_000), st.integers(1, 8), st.booleans())
def test_a_slot_never_gets_less_than_its_share(ctx: int, slots: int, unified: bool) -> None:
    """A pool smaller than asked is a difference, whatever the slots."""
    effective: Settings = {"ctx-size": ctx // 2, "parallel": slots, "kv-unified": unified}
    assert differences({"ctx-size": ctx}, effective) != ()
