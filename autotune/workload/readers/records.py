"""Records of a log that is written either way: one object a line, or a list in one document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.readers.checks import mapping

LISTED_UNDER = "data"
"""Where a document that is an object has its list; without one it is a record by itself."""


def records(
    file: CaptureFile, ledger: DamageLedger, is_record: Callable[[Mapping[str, Any]], bool]
) -> Iterator[JsonLine]:
    """Every record of `file`, numbered by line or by place in the list.

    A file whose first line is a record by itself is lines, and is never held as a whole. Raises
    `UserError` as `open_capture` does.
    """
    if not _begins_with_a_record(file, is_record):
        listed = listed_records(read_document(file, DamageLedger()))
        if listed is not None:
            yield from _items(file, listed, ledger)
            return
    yield from read_objects(file, ledger)


def listed_records(document: Any) -> list[Any] | None:
    """The list that `document` is or holds; ``None`` for a document that is neither."""
    if isinstance(document, dict):
        listed = mapping(document).get(LISTED_UNDER)
        return listed if isinstance(listed, list) else [document]
    return document if isinstance(document, list) else None


def _begins_with_a_record(
    file: CaptureFile, is_record: Callable[[Mapping[str, Any]], bool]
) -> bool:
    with closing(read_objects(file, DamageLedger())) as lines:
        first = next(lines, None)
    return first is not None and first.number == 1 and is_record(first.value)


def _items(file: CaptureFile, items: list[Any], ledger: DamageLedger) -> Iterator[JsonLine]:
    for place, item in enumerate(items, start=1):
        if isinstance(item, dict):
            yield JsonLine(place, item)
        else:
            ledger.add(file.name, DamageKind.NOT_AN_OBJECT, place, type(item).__name__)
