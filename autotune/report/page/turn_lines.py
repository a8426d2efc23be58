"""Turn records of a few arms out of a log that holds many: lines of others are not even parsed.

A study of thousands of trials has a hundred thousand turns, and a report shows two configs of them
turn by turn.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from autotune.records import TurnRecord

_ARM = re.compile(r'"arm":\s*"((?:[^"\\]|\\.)*)"')


def lines_by_arm(path: Path, wanted: Callable[[str], bool]) -> dict[str, list[str]]:
    """The raw lines of each arm that is `wanted`, in their order; nothing where there is no file.

    A path that ends in ``.gz`` is unpacked.
    """
    if not path.is_file():
        return {}
    unpack = gzip.open if path.suffix == ".gz" else open
    found: dict[str, list[str]] = {}
    chosen: dict[str, bool] = {}
    with unpack(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            told = _ARM.search(line)
            if told is None:
                continue
            arm = told.group(1)
            if arm not in chosen:
                chosen[arm] = wanted(arm)
            if chosen[arm]:
                found.setdefault(arm, []).append(line)
    return {json.loads(f'"{arm}"'): rows for arm, rows in found.items()}


def records(lines: Mapping[str, list[str]], arm: str | None) -> tuple[TurnRecord, ...]:
    """The records of `arm`; a line torn by a kill is passed over."""
    found = (_record(line) for line in lines.get(arm or "", ()))
    return tuple(record for record in found if record is not None and record.arm == arm)


def _record(line: str) -> TurnRecord | None:
    try:
        return TurnRecord.from_json(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
