from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Candidate, Setting

SETTINGS = st.dictionaries(
    st.sampled_from(["batch-size", "flash-attn", "kv-unified", "poll"]),
    st.booleans() | st.integers(0, 9) | st.sampled_from(["on", "off"]),
)


def test_the_order_of_settings_does_not_matter() -> None:
    one = Candidate({"batch-size": 512, "flash-attn": "on"})
    other = Candidate({"flash-attn": "on", "batch-size": 512})
    assert one == other
    assert (one.key, hash(one)) == (other.key, hash(other))
    assert list(one.settings) == ["batch-size", "flash-attn"]


def test_the_key_is_twelve_hex_digits() -> None:
    # sha256 of "{}" begins 44136fa355b3.
    assert Candidate().key == "44136fa355b3"


@pytest.mark.parametrize(("one", "other"), [(True, "on"), (1, "1"), (0, False), (1, 2)])
def test_settings_that_differ_have_keys_that_differ(one: Setting, other: Setting) -> None:
    assert Candidate({"x": one}).key != Candidate({"x": other}).key


def test_settings_are_a_frozen_copy() -> None:
    given_settings: dict[str, Setting] = {"poll": 50}
    candidate = Candidate(given_settings)
    given_settings["poll"] = 0
    assert candidate.settings["poll"] == 50
    with pytest.raises(TypeError):
        candidate.settings["poll"] = 0  # type: ignore[index]


def test_merged_lays_the_other_over_and_changes_neither() -> None:
    candidate = Candidate({"poll": 50, "batch-size": 512})
    assert candidate.merged({"poll": 0, "threads": 2}).settings == {
        "batch-size": 512,
        "poll": 0,
        "threads": 2,
    }
    assert candidate.settings == {"poll": 50, "batch-size": 512}


@given(SETTINGS, SETTINGS)
def test_merging_is_a_dictionary_union(
    below: dict[str, Setting], above: dict[str, Setting]
) -> None:
    assert Candidate(below).merged(above) == Candidate({**below, **above})


def test_a_switch_is_not_a_number() -> None:
    assert Candidate({"x": True}) != Candidate({"x": 1})
    assert len({Candidate({"x": True}), Candidate({"x": 1})}) == 2
