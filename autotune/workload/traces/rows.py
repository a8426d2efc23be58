"""One request of a hash trace: how long its prompt was and which blocks it was made of."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Recorded

MAX_PROMPT_TOKENS = 2**21
"""Longer prompts are damage: no model reads them, and their text would fill the memory."""

_INT64 = range(-(2**63), 2**63)
_BLOCK_SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_NOTHING_RECORDED = Recorded()


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A request without its text.

    Attributes:
        line: where the trace has it, from 1.
        input_tokens, output_tokens: lengths; the reply's may be absent.
        full: ids of the whole blocks, from the start of the prompt.
        partial: id of the last block, where the trace hashed one that is not whole.
        timestamp_ms, delay_ms: as in `Turn`.
        recorded: everything else that the trace measured.
        origin: what else of the row is worth keeping, for `Turn.origin`.
    """

    line: int
    input_tokens: int
    output_tokens: int | None = None
    full: array[int] = field(default_factory=lambda: array("q"))
    partial: int | None = None
    timestamp_ms: float | None = None
    delay_ms: float | None = None
    recorded: Recorded = _NOTHING_RECORDED
    origin: Mapping[str, Any] = field(default_factory=dict)


def token_count(value: Any) -> int | None:
    """A length in tokens; ``None`` when `value` is no such number or beyond all reason."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_PROMPT_TOKENS or value != int(value):
        return None
    return int(value)


def milliseconds(value: Any, unit_ms: float = 1.0) -> float | None:
    """A time in units of `unit_ms`, in ms; ``None`` when `value` is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        product = float(value) * unit_ms
    except OverflowError:
        return None
    return round(product, 6) if math.isfinite(product) else None


def span_ms(value: Any, unit_ms: float = 1.0) -> float | None:
    """A duration as `milliseconds` reads it; a negative one is no duration."""
    read = milliseconds(value, unit_ms)
    return read if read is not None and read >= 0 else None


def block_ids(value: Any) -> array[int] | None:
    """The ids of a row as 64-bit numbers; ``None`` when they are no list of numbers or strings.

    Longer numbers and strings become a hash of theirs: what counts is which ids are the same.
    """
    if not isinstance(value, list):
        return None
    try:
        return array("q", value)
    except (TypeError, OverflowError):
        return _hashed_ids(value)


def _hashed_ids(value: Sequence[Any]) -> array[int] | None:
    if not all(isinstance(each, int | str) for each in value):
        return None
    return array("q", map(_hashed_id, value))


def _hashed_id(value: int | str) -> int:
    if isinstance(value, int) and value in _INT64:
        return int(value)
    text = f"{type(value).__name__}:{value:x}" if isinstance(value, int) else f"str:{value}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def split_blocks(
    ids: array[int], input_tokens: int, block_size: int
) -> tuple[array[int], int | None] | None:
    """The ids of the whole blocks and that of a partial last one.

    ``None`` when there are more ids than the prompt has blocks.
    """
    whole, rest = divmod(input_tokens, block_size)
    if len(ids) > whole + bool(rest):
        return None
    partial = ids[whole] if len(ids) > whole else None
    return ids[:whole], partial


def told_block_size(shapes: Sequence[tuple[int, int]], default: int) -> int:
    """The block size that most rows agree with, of (input tokens, number of ids).

    `default` unless fewer than half of the rows agree with it and another power of two does
    better. A row agrees when its ids are one a block, with or without the partial last one.
    """
    known = [(tokens, ids) for tokens, ids in shapes if ids]
    if not known or 2 * _agreeing(known, default) >= len(known):
        return default
    return max((default, *_BLOCK_SIZES), key=lambda size: _agreeing(known, size))


def _agreeing(shapes: Sequence[tuple[int, int]], size: int) -> int:
    return sum(tokens // size <= ids <= -(-tokens // size) for tokens, ids in shapes)
