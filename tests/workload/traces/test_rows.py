"""Numbers and ids of a trace, of whatever type they come."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from autotune.workload.traces.rows import (
    MAX_PROMPT_TOKENS,
    block_ids,
    milliseconds,
    span_ms,
    split_blocks,
    token_count,
    told_block_size,
)


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        (0, 0),
        (12, 12),
        (12.0, 12),
        (MAX_PROMPT_TOKENS, MAX_PROMPT_TOKENS),
        (MAX_PROMPT_TOKENS + 1, None),
        (10**400, None),
        (-1, None),
        (1.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        ("12", None),
        (None, None),
    ],
)
def test_token_count(value: Any, tokens: int | None) -> None:
    assert token_count(value) == tokens


def test_times() -> None:
    assert milliseconds(1.25, 1000) == 1250.0
    assert milliseconds(-3) == -3.0
    assert span_ms(-3) is None
    assert span_ms(2, 1000) == 2000.0
    for odd in (True, "1", None, float("nan"), float("inf"), 10**400):
        assert milliseconds(odd) is None


def test_ids_are_told_apart_whatever_they_are() -> None:
    assert block_ids([1, -2]) == array("q", [1, -2])
    long = block_ids([2**64, 2**64 + 1, "a", "b", 3, 2**64])
    assert long is not None
    assert long[4] == 3
    assert long[0] == long[5]
    assert len(set(long)) == 5
    odds: tuple[Any, ...] = (None, {}, "ab", [1.5], [None], [[1]], [{}])
    for odd in odds:
        assert block_ids(odd) is None


def test_whole_blocks_and_the_partial_one() -> None:
    ids = array("q", [1, 2, 3])
    assert split_blocks(ids, 1300, 512) == (array("q", [1, 2]), 3)
    assert split_blocks(ids, 1536, 512) == (ids, None)
    assert split_blocks(ids, 9999, 512) == (ids, None)
    assert split_blocks(ids, 1024, 512) is None


def test_the_block_size_is_the_default_unless_the_rows_say_otherwise() -> None:
    assert told_block_size([], 512) == 512
    assert told_block_size([(10, 0)], 512) == 512
    assert told_block_size([(1300, 3), (700, 2)], 512) == 512
    assert told_block_size([(1300, 21), (700, 11)], 512) == 64
    assert told_block_size([(1300, 3), (700, 11)], 512) == 512
    assert told_block_size([(1300, 999)], 512) == 512
