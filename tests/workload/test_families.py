"""Who belongs to whom."""

from __future__ import annotations

from autotune.workload.families import family_roots


def test_a_sub_agent_of_a_sub_agent_belongs_to_the_head() -> None:
    parents = {"root": None, "sub": "root", "deeper": "sub", "alone": None}
    assert family_roots(parents) == {
        "root": "root", "sub": "root", "deeper": "root", "alone": "alone",
    }  # fmt: skip


def test_a_parent_that_is_not_there_is_none_and_a_circle_ends() -> None:
    assert family_roots({"a": "gone"}) == {"a": "a"}
    assert set(family_roots({"a": "b", "b": "a"})) == {"a", "b"}
