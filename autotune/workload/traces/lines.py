"""The rows of a trace in JSON lines: ``input_length``, ``output_length``, ``hash_ids``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Recorded
from autotune.workload.traces.rows import (
    TraceRow,
    block_ids,
    milliseconds,
    span_ms,
    split_blocks,
    token_count,
    told_block_size,
)


def read_rows(
    file: CaptureFile, ledger: DamageLedger, *, unit_ms: float, keep: Sequence[str]
) -> list[TraceRow]:
    """Every row of `file`, `full` with all of its ids; whatever is no row goes to `ledger`.

    `unit_ms` is the unit of its timestamps; values under the keys in `keep` go to `origin`.
    """
    rows: list[TraceRow] = []
    for line in read_objects(file, ledger):
        row = _row(line, unit_ms, keep)
        if isinstance(row, str):
            ledger.add(file.name, DamageKind.WRONG_SCHEMA, line.number, row)
        else:
            rows.append(row)
    return rows


def _row(line: JsonLine, unit_ms: float, keep: Sequence[str]) -> TraceRow | str:
    """The row, or what is wrong with it."""
    value = line.value
    tokens = token_count(value.get("input_length"))
    if not tokens:
        return "input_length: no length of a prompt"
    ids = block_ids(value.get("hash_ids") or [])
    if ids is None:
        return "hash_ids: no list of ids"
    return TraceRow(
        line=line.number,
        input_tokens=tokens,
        output_tokens=token_count(value.get("output_length")),
        full=ids,
        timestamp_ms=milliseconds(value.get("timestamp"), unit_ms),
        delay_ms=span_ms(value.get("delay")),
        recorded=Recorded(prompt_tokens=tokens),
        origin=_kept(value, keep),
    )


def _kept(value: Mapping[str, Any], keep: Sequence[str]) -> dict[str, Any]:
    scalar = (str, int, float)
    return {key: value[key] for key in keep if isinstance(value.get(key), scalar)}


def in_blocks(
    rows: Sequence[TraceRow], default_size: int, file: CaptureFile, ledger: DamageLedger
) -> tuple[list[TraceRow], int]:
    """The rows with their ids split into whole blocks and a partial one, and the block size.

    A row with more ids than blocks contradicts itself: it goes to `ledger`.
    """
    size = told_block_size([(row.input_tokens, len(row.full)) for row in rows], default_size)
    return list(_split(rows, size, file, ledger)), size


def _split(
    rows: Sequence[TraceRow], size: int, file: CaptureFile, ledger: DamageLedger
) -> Iterator[TraceRow]:
    for row in rows:
        blocks = split_blocks(row.full, row.input_tokens, size)
        if blocks is None:
            detail = f"more ids than blocks of {size} tokens"
            ledger.add(file.name, DamageKind.WRONG_SCHEMA, row.line, detail)
        else:
            yield replace(row, full=blocks[0], partial=blocks[1])


def trace_name(rows: Sequence[TraceRow]) -> str:
    """Eight hex digits that name a trace by its first row.

    So the head of a trace, and the same trace compressed, give the same text as the whole.
    """
    first = rows[0]
    told = [first.input_tokens, first.output_tokens, first.timestamp_ms, *first.full]
    return hashlib.blake2b(repr(told).encode(), digest_size=4).hexdigest()
