"""A run that is alone is a member without a name."""

from __future__ import annotations

from autotune.search.member import ALONE, Member


def test_only_one_with_a_name_has_others_beside_it() -> None:
    assert ALONE.is_alone
    assert not Member(worker="w1").is_alone
