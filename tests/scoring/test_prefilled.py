"""Prompt tokens that were computed."""

from __future__ import annotations

from collections.abc import Callable

from autotune.records import TurnRecord
from autotune.scoring.prefilled import prefilled_tokens

Record = Callable[..., TurnRecord]


def test_what_is_said_what_follows_and_what_is_unknown(record: Record) -> None:
    assert prefilled_tokens(record(depth_tokens=10, cached_tokens=4, computed_tokens=7)) == 7
    assert prefilled_tokens(record(depth_tokens=10, cached_tokens=4)) == 6
    assert prefilled_tokens(record(depth_tokens=10)) is None
    assert prefilled_tokens(record(depth_tokens=None, cached_tokens=4)) is None
